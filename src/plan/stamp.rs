//! The stamp on a plan's script, by which the lint knows it for keyward's own: for which manifest it was made, and the checksum of its text.

use sha2::{Digest, Sha256};

/// What the first line of a stamped script begins with.
pub const STAMP: &str = "-- keyward plan for the manifest ";

/// Its last line.
const END: &str = "-- end of the keyward plan\n";

/// Returns a script between its stamp and its end; an empty one stays empty.
pub(super) fn stamp(script: &str, manifest: &str) -> String {
    if script.is_empty() {
        return String::new();
    }
    format!("{STAMP}{manifest}, sha256 {}\n{script}{END}", checksum(script))
}

/// Returns the stamped script that a text begins with, if it was made for the manifest of that fingerprint and is as it was written.
#[must_use]
pub fn stamped<'a>(text: &'a str, manifest: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(STAMP)?.strip_prefix(manifest)?.strip_prefix(", sha256 ")?;
    let (expected, rest) = rest.split_once('\n')?;
    let (script, _) = rest.split_once(END)?;
    let length = text.len() - rest.len() + script.len() + END.len();
    (checksum(script) == expected).then(|| text.get(..length)).flatten()
}

fn checksum(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String can't fail.
        let _ = std::fmt::Write::write_fmt(&mut hex, format_args!("{byte:02x}"));
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_known_by_its_stamp_only_unchanged_and_for_its_manifest() {
        let script = stamp("SELECT 1;\n", "abc");
        let text = format!("{script}SELECT 2;\n");
        assert_eq!(stamped(&text, "abc"), Some(script.as_str()));
        assert_eq!(stamped(&text, "abd"), None);
        assert_eq!(stamped(&text.replace("SELECT 1", "SELECT 3"), "abc"), None);
        assert_eq!(stamp("", "abc"), "");
    }
}
