//! Scripts: files of any tool become texts, texts become pieces, and pieces can be run.
//!
//! A script isn't SQL: it has commands of psql, data, a part that undoes the rest, and quotes left open.

mod forward;
mod lines;
mod play;
mod split;
mod tool;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

pub(crate) use forward::{Run, forward};
pub(crate) use lines::Lines;
pub(crate) use play::{is_harmless, is_shown_only, not_followed, play};
pub(crate) use split::{Piece, Pieces};
pub(crate) use tool::{Direction, Marker, markers};

/// The name of standard input, on the command line and in findings.
pub const STDIN: &str = "-";

/// A script to be linted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path, as it was given or found.
    pub path: String,
    /// Its text, without a byte order mark.
    pub(crate) text: String,
    /// The byte at which it stopped being UTF-8.
    pub(crate) not_utf8: Option<usize>,
    /// Which way it goes, unless it says so itself.
    pub(crate) direction: Direction,
}

impl Source {
    /// Makes a source of a text; `path` is what findings name.
    #[must_use]
    pub fn new(path: impl Into<String>, bytes: Vec<u8>) -> Self {
        let path = path.into();
        let direction = tool::direction_of(Path::new(&path));
        let (text, not_utf8) = decode(bytes);
        Self { path, text, not_utf8, direction }
    }

    /// Reads a file, or standard input for `-`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if it can't be read.
    pub fn load(path: &str) -> Result<Self> {
        let mut bytes = Vec::new();
        let read = if path == STDIN {
            std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ())
        } else {
            std::fs::read(path).map(|read| bytes = read)
        };
        read.map_err(|error| Error::usage(format!("can't read {path}")).with_source(error))?;
        Ok(Self::new(path, bytes))
    }

    /// Refuses a text that is to be run and isn't all there.
    pub(crate) fn require_utf8(&self) -> Result<()> {
        match self.not_utf8 {
            None => Ok(()),
            Some(at) => {
                let (line, _) = Lines::new(&self.text).place(at);
                Err(Error::usage(format!("line {line} of {} isn't UTF-8", self.path))
                    .with_hint("pg_dump --encoding=UTF8 writes it so"))
            }
        }
    }
}

/// Returns the text without its byte order mark, and where it isn't UTF-8. Windows' editors write UTF-16 too.
fn decode(mut bytes: Vec<u8>) -> (String, Option<usize>) {
    let sixteen = |from: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.chunks_exact(2).filter_map(|two| two.try_into().ok()).map(from).collect();
        (String::from_utf16_lossy(&units), None)
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => return sixteen(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => return sixteen(u16::from_be_bytes, rest),
        [0xef, 0xbb, 0xbf, ..] => {
            bytes.drain(..3);
        }
        _ => {}
    }
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(at))
        }
    }
}

/// Returns the files that are meant: directories give the `.sql` files in and below them, in the order in which they run.
///
/// # Errors
/// [`crate::error::Kind::Usage`] if a path isn't there, can't be read, or a directory holds none.
pub fn files(paths: &[String]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for path in paths {
        if path == STDIN || !Path::new(path).is_dir() {
            if path != STDIN && !Path::new(path).exists() {
                return Err(Error::usage(format!("there is no {path}"))
                    .with_hint("name SQL files or directories of them, or - for standard input"));
            }
            all.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        walk(Path::new(path), &mut found)
            .map_err(|error| Error::usage(format!("can't read the directory {path}")).with_source(error))?;
        if found.is_empty() {
            return Err(Error::usage(format!("there is no .sql file in {path}")));
        }
        let mut found: Vec<String> = found.into_iter().map(|path| path.to_string_lossy().into_owned()).collect();
        found.sort_by(|a, b| tool::order(a, b));
        all.extend(found);
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|path| seen.insert(path.clone()));
    Ok(all)
}

/// Loads a file, or the files of a directory in the order in which they run.
///
/// # Errors
/// As [`files`] and [`Source::load`].
pub fn load(path: &str) -> Result<Vec<Source>> {
    files(&[path.to_owned()])?.iter().map(|file| Source::load(file)).collect()
}

/// Collects `.sql` files; links to directories aren't followed, so that there is an end.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql")) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_and_foreign_encodings_are_read() {
        assert_eq!(Source::new("a", b"\xef\xbb\xbfSELECT 1".to_vec()).text, "SELECT 1");
        assert_eq!(Source::new("a", vec![0xff, 0xfe, b'S', 0, 0xe9, 0]).text, "S\u{e9}");
        let latin = Source::new("a", b"SELECT '\xe9'".to_vec());
        assert_eq!((latin.not_utf8, latin.text.as_str()), (Some(8), "SELECT '\u{fffd}'"));
    }
}
