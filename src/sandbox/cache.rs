//! Data directories that are initialised once per server version, and copied for each sandbox.
//!
//! An entry is made under another name and renamed into place, so there is none that is half made; of two processes that make
//! one at the same time the second finds it there and throws its own away. Beside the data lies how much of it there is: a
//! cleaner of old temporary files may have taken a part, and then the entry is made anew.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::binaries::{Binaries, ServerVersion};
use super::identity::{Identity, present_uid};
use crate::error::{Error, Result};

/// Changes whenever what an entry looks like does.
const LAYOUT: &str = "1";

/// Half-made entries begin with this; one that is older than `ABANDONED` belongs to a process that was killed.
const UNFINISHED: &str = ".new-";
const ABANDONED: Duration = Duration::from_hours(1);

/// How much a directory holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Extent {
    entries: u64,
    bytes: u64,
}

/// A directory of initialised data directories that nobody but the present user can write to.
#[derive(Debug)]
pub(super) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// Opens the cache in `given`, by default `keyward-sandbox-<uid>` below `temp_dir`, making it if it isn't there.
    ///
    /// A server trusts what is in its data directory, and loads code that it names: a cache that somebody else owns or can
    /// write to is refused.
    pub(super) fn open(given: Option<&Path>, temp_dir: &Path) -> Result<Self> {
        let uid = present_uid();
        let dir = given.map_or_else(|| temp_dir.join(format!("keyward-sandbox-{uid}")), Path::to_owned);
        let unusable = |error: io::Error| {
            Error::usage(format!("can't use {} as the cache of data directories", dir.display()))
                .with_source(error)
                .with_hint("name a directory that you can write to")
        };
        match DirBuilder::new().mode(0o700).recursive(given.is_some()).create(&dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(error)),
            _ => {}
        }
        // Not followed: somebody else may have left a symlink in the temporary directory.
        let found = fs::symlink_metadata(&dir).map_err(unusable)?;
        let why = if !found.is_dir() {
            "it is no directory"
        } else if found.uid() != uid {
            "it belongs to another user"
        } else if found.mode() & 0o022 != 0 {
            "others may write to it"
        } else {
            return Ok(Self { dir });
        };
        Err(Error::refused(format!("{} can't be trusted as the cache of data directories: {why}", dir.display()))
            .with_hint("remove it, or name a directory that only you can write to"))
    }

    /// Returns the name of the entry for a server: its version, and a hash of all that makes its data directories what they are.
    pub(super) fn key(binaries: &Binaries, version: &ServerVersion, initdb_options: &[&str]) -> Result<String> {
        let postgres = binaries.program("postgres");
        let file = fs::metadata(&postgres)
            .map_err(|error| Error::usage(format!("can't read {}", postgres.display())).with_source(error))?;
        let mut hash = Sha256::new();
        // A server built anew may say the same version; its file is another one.
        let facts = [LAYOUT.to_owned(), version.to_string(), file.len().to_string(), file.mtime().to_string()];
        for part in facts.iter().map(OsStr::new).chain([postgres.as_os_str()]).chain(initdb_options.iter().map(OsStr::new)) {
            hash.update(part.as_encoded_bytes());
            hash.update([0]);
        }
        let mut key = format!("pg{}-", version.major());
        for byte in &hash.finalize()[..8] {
            let _ = write!(key, "{byte:02x}");
        }
        Ok(key)
    }

    /// Copies the entry `key` to `to`, which must not exist, as a directory of `owner`'s. Returns whether there was one.
    pub(super) fn restore(&self, key: &str, to: &Path, owner: &Identity) -> Result<bool> {
        let entry = self.dir.join(key);
        let failed =
            |error: io::Error| Error::usage(format!("can't copy {} to {}", entry.display(), to.display())).with_source(error);
        let Some(expected) = read_extent(&entry) else {
            if entry.exists() {
                self.discard(&entry).map_err(failed)?;
            }
            return Ok(false);
        };
        match copy_tree(&entry.join("data"), to, owner) {
            Ok(found) if found == expected => Ok(true),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => {
                self.discard(&entry).map_err(failed)?;
                match fs::remove_dir_all(to) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                    _ => Ok(false),
                }
            }
        }
    }

    /// Keeps a copy of the data directory `from` as the entry `key`, unless somebody else has made it meanwhile.
    pub(super) fn keep(&self, key: &str, from: &Path) -> Result<()> {
        let keep = || -> io::Result<()> {
            self.sweep();
            let unfinished = self.unfinished()?;
            let extent = copy_tree(from, &unfinished.path().join("data"), &Identity::Oneself)?;
            fs::write(unfinished.path().join("extent"), format!("{} {}\n", extent.entries, extent.bytes))?;
            match fs::rename(unfinished.path(), self.dir.join(key)) {
                Ok(()) => {
                    let _ = unfinished.keep();
                    Ok(())
                }
                Err(_) if self.dir.join(key).exists() => Ok(()),
                Err(error) => Err(error),
            }
        };
        keep().map_err(|error| {
            Error::usage(format!("can't keep an initialised data directory in {}", self.dir.display()))
                .with_source(error)
                .with_hint("it needs about 50 MB there; another cache directory can be named")
        })
    }

    /// Takes a damaged entry out of everybody's way at once, then removes it.
    fn discard(&self, entry: &Path) -> io::Result<()> {
        let bin = self.unfinished()?;
        match fs::rename(entry, bin.path().join("damaged")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn unfinished(&self) -> io::Result<tempfile::TempDir> {
        tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&self.dir)
    }

    /// Removes what killed processes left half made.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for entry in entries.flatten() {
            let old = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|age| age > ABANDONED));
            if old && entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                // It is nobody's: if it can't be removed now, then the next time.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn read_extent(entry: &Path) -> Option<Extent> {
    let text = fs::read_to_string(entry.join("extent")).ok()?;
    let (entries, bytes) = text.trim().split_once(' ')?;
    Some(Extent { entries: entries.parse().ok()?, bytes: bytes.parse().ok()? })
}

/// Copies a directory of plain files and directories, giving each copy to `owner`. The standard library's copy keeps the modes, and
/// shares the blocks where the file system can.
fn copy_tree(from: &Path, to: &Path, owner: &Identity) -> io::Result<Extent> {
    DirBuilder::new().mode(0o700).create(to)?;
    let mut extent = Extent { entries: 1, bytes: 0 };
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            let inner = copy_tree(&entry.path(), &target, owner)?;
            extent.entries += inner.entries;
            extent.bytes += inner.bytes;
        } else if kind.is_file() {
            extent.bytes += fs::copy(entry.path(), &target)?;
            extent.entries += 1;
            owner.give(&target)?;
        } else {
            return Err(io::Error::other(format!("{} is neither a file nor a directory", entry.path().display())));
        }
    }
    owner.give(to)?;
    Ok(extent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn data(below: &Path) -> PathBuf {
        let dir = below.join("made");
        fs::create_dir_all(dir.join("base/1")).unwrap();
        fs::create_dir_all(dir.join("empty")).unwrap();
        fs::write(dir.join("PG_VERSION"), "17\n").unwrap();
        fs::write(dir.join("base/1/1259"), "rows").unwrap();
        dir
    }

    #[test]
    fn what_is_kept_comes_back_whole() {
        let temp = tempfile::tempdir().unwrap();
        let cache = Cache::open(None, temp.path()).unwrap();
        let to = temp.path().join("to");
        assert!(!cache.restore("pg17", &to, &Identity::Oneself).unwrap());
        cache.keep("pg17", &data(temp.path())).unwrap();
        assert!(cache.restore("pg17", &to, &Identity::Oneself).unwrap());
        assert_eq!(fs::read_to_string(to.join("base/1/1259")).unwrap(), "rows");
        assert!(to.join("empty").is_dir());
        assert_eq!(fs::metadata(&to).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn an_entry_that_a_cleaner_took_a_part_of_is_thrown_away() {
        for taken in ["data/base/1/1259", "data/PG_VERSION", "extent"] {
            let temp = tempfile::tempdir().unwrap();
            let cache = Cache::open(None, temp.path()).unwrap();
            cache.keep("pg17", &data(temp.path())).unwrap();
            fs::remove_file(cache.dir.join("pg17").join(taken)).unwrap();
            let to = temp.path().join("to");
            assert!(!cache.restore("pg17", &to, &Identity::Oneself).unwrap(), "{taken}");
            assert!(!to.exists() && !cache.dir.join("pg17").exists(), "{taken}");
            cache.keep("pg17", &temp.path().join("made")).unwrap();
            assert!(cache.restore("pg17", &to, &Identity::Oneself).unwrap(), "{taken}");
        }
    }

    #[test]
    fn of_two_that_make_an_entry_both_succeed() {
        let temp = tempfile::tempdir().unwrap();
        let cache = Cache::open(None, temp.path()).unwrap();
        let made = data(temp.path());
        cache.keep("pg17", &made).unwrap();
        cache.keep("pg17", &made).unwrap();
        assert_eq!(fs::read_dir(&cache.dir).unwrap().count(), 1, "nothing half made is left");
    }

    #[test]
    fn a_cache_that_others_could_have_planted_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("cache");
        Cache::open(Some(&dir), temp.path()).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
        let error = Cache::open(Some(&dir), temp.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        assert!(error.to_string().ends_with("others may write to it"), "{error}");

        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        symlink(&dir, temp.path().join("link")).unwrap();
        let error = Cache::open(Some(&temp.path().join("link")), temp.path()).unwrap_err();
        assert!(error.to_string().ends_with("it is no directory"), "{error}");
    }

    #[test]
    fn what_a_killed_process_left_half_made_is_swept_away_and_the_young_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let cache = Cache::open(None, temp.path()).unwrap();
        for (name, age) in [(".new-old", 7200), (".new-young", 60)] {
            fs::create_dir(cache.dir.join(name)).unwrap();
            let made = SystemTime::now() - Duration::from_secs(age);
            fs::File::open(cache.dir.join(name)).unwrap().set_modified(made).unwrap();
        }
        cache.keep("pg17", &data(temp.path())).unwrap();
        assert!(!cache.dir.join(".new-old").exists() && cache.dir.join(".new-young").exists());
    }
}
