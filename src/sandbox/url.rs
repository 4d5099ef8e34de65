//! Connection URLs.

use std::fmt::Write as _;
use std::path::Path;

/// Returns the URL for a Unix socket.
///
/// The role and the directory stand in the query, as libpq allows: the WHATWG rules, which sqlx and node follow, have no URL with a
/// user but no host, and some clients would try a host that is only a place holder.
pub(super) fn unix(dir: &Path, port: u16, role: &str, database: &str) -> String {
    let dir = encode(dir.as_os_str().as_encoded_bytes(), b"/");
    format!("postgresql:///{}?host={dir}&port={port}&user={}", encode(database.as_bytes(), b""), encode(role.as_bytes(), b""))
}

/// Returns the URL for a port of 127.0.0.1.
pub(super) fn loopback(port: u16, role: &str, password: Option<&str>, database: &str) -> String {
    let mut user = encode(role.as_bytes(), b"");
    if let Some(password) = password {
        user.push(':');
        user.push_str(&encode(password.as_bytes(), b""));
    }
    format!("postgresql://{user}@127.0.0.1:{port}/{}", encode(database.as_bytes(), b""))
}

/// Percent-encodes all but unreserved characters and those in `also`.
fn encode(bytes: &[u8], also: &[u8]) -> String {
    let mut encoded = String::new();
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || also.contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::postgres::PgConnectOptions;

    #[test]
    fn sqlx_reads_no_url_with_a_user_and_no_host() {
        assert!("postgresql://postgres@/postgres?host=/tmp".parse::<PgConnectOptions>().is_err());
    }

    #[test]
    fn sqlx_reads_back_what_was_meant() {
        let odd = "ünd & \"so\"/+%?#@:'";
        let options: PgConnectOptions = unix(Path::new("/tmp/kw-a b"), 5432, odd, odd).parse().unwrap();
        assert_eq!(options.get_socket().map(std::path::PathBuf::as_path), Some(Path::new("/tmp/kw-a b")));
        assert_eq!((options.get_username(), options.get_database(), options.get_port()), (odd, Some(odd), 5432));

        let options: PgConnectOptions = loopback(6000, odd, Some(odd), odd).parse().unwrap();
        assert_eq!(options.get_socket(), None);
        assert_eq!((options.get_username(), options.get_database(), options.get_port()), (odd, Some(odd), 6000));
    }
}
