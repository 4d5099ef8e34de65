//! The two files that libpq reads: connection services and passwords.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::conninfo::{Param, Params, known};
use crate::error::{Error, Result};

/// Adds a service's parameters to those given explicitly, which win.
pub(super) fn apply_service(params: &mut Params, env: &dyn Fn(&str) -> Option<String>) -> Result<()> {
    let given = |params: &Params, name: &str, variable: &str| match params.get(name) {
        Some(param) => Some((param.value.clone(), param.label.clone())),
        None => env(variable).map(|value| (value, variable.to_owned())),
    };
    let Some((service, label)) = given(params, "service", "PGSERVICE").filter(|(service, _)| !service.is_empty()) else {
        return Ok(());
    };
    let mut candidates = Vec::new();
    match given(params, "servicefile", "PGSERVICEFILE") {
        // libpq, too, falls back to the system's file only where a file was named and lacks the service; a missing one is an error.
        Some((path, label)) => {
            let path = PathBuf::from(path);
            if !path.exists() {
                return Err(Error::usage(format!("{label} is {:?}: there is no such service file", path.display().to_string())));
            }
            candidates.push(path);
        }
        None => candidates.extend(env("HOME").map(|home| Path::new(&home).join(".pg_service.conf"))),
    }
    candidates.extend(env("PGSYSCONFDIR").map(|directory| Path::new(&directory).join("pg_service.conf")));
    for path in &candidates {
        if let Some(found) = read_service(path, &service)? {
            for (name, param) in found {
                params.entry(name).or_insert(param);
            }
            return Ok(());
        }
    }
    let searched = match candidates.as_slice() {
        [] => "anywhere: neither HOME, PGSERVICEFILE nor PGSYSCONFDIR is set".to_owned(),
        paths => format!("in {}", paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")),
    };
    Err(Error::usage(format!("service {service:?} not found {searched}"))
        .with_hint(format!("{label} asks for it: add a section [{service}] to the file, or name another file in PGSERVICEFILE")))
}

/// Returns the parameters of a service, or nothing if there is no such file or no such section.
fn read_service(path: &Path, service: &str) -> Result<Option<Params>> {
    let shown = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::usage(format!("can't read the service file {shown}")).with_source(error)),
    };
    // libpq's format is less than INI: no quotes, escapes or continuation lines, all of which would change passwords.
    let place = format!("service {service:?} of {shown}");
    let mut params = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        // Names on a faulty line aren't shown: it may be a password that went astray.
        let fault = |why: &str| Err(Error::usage(format!("{shown}, line {number}: {why}")));
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            // The first section of that name is the service.
            if params.is_some() {
                break;
            }
            params = (section.strip_suffix(']') == Some(service)).then(Params::new);
            continue;
        }
        let Some(params) = &mut params else { continue };
        if line.starts_with("ldap://") {
            return fault("looking a service up by LDAP isn't supported");
        }
        let Some((name, value)) = line.split_once('=') else { return fault("it is neither [service] nor name=value") };
        let Some(name) = known(name.trim_end()) else { return fault("there is no connection parameter of that name") };
        if name == "service" || name == "servicefile" {
            return fault("a service can't name another one");
        }
        let param = Param::new(name, value.trim_start().to_owned(), format!("{place}: {name}"))?;
        params.entry(name).or_insert(param);
    }
    Ok(params)
}

/// What a password file had to say.
pub(super) enum Lookup {
    /// The first matching line's password.
    Found(String),
    /// No file, or no line that matches.
    Nothing,
    /// There is a file, but it isn't read; the reason is a clause about it.
    Skipped(String),
}

/// Looks a password up; `host` is `localhost` for the default socket directory.
pub(super) fn password(path: &Path, host: &str, port: u16, database: &str, user: &str) -> Lookup {
    let shown = path.display();
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Lookup::Nothing,
        Err(error) => return Lookup::Skipped(format!("{shown} can't be read: {error}")),
    };
    if !metadata.is_file() {
        return Lookup::Skipped(format!("{shown} is no plain file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Lookup::Skipped(format!("{shown} was ignored because others may read it: chmod 0600 {shown}"));
        }
    }
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return Lookup::Skipped(format!("{shown} can't be read: {error}")),
    };
    let port = port.to_string();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| [host, port.as_str(), database, user].into_iter().try_fold(line, match_field))
        .map_or(Lookup::Nothing, |rest| Lookup::Found(unescape(rest)))
}

/// Returns what follows the line's first field if that is `*` or equals `wanted`.
fn match_field<'a>(line: &'a str, wanted: &str) -> Option<&'a str> {
    let mut escaped = false;
    let end = line.find(|c| {
        let separator = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        separator
    })?;
    let (field, rest) = (&line[..end], &line[end + 1..]);
    (field == "*" || unescape(field) == wanted).then_some(rest)
}

/// Drops the backslash before each escaped character.
fn unescape(text: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            _ => plain.push(c),
        }
    }
    plain
}
