//! GitHub's workflow commands: a line an entry, which the runner turns into an annotation.

use std::fmt::Write as _;

use super::entry::{Level, Sheet};

/// Returns what was found as workflow commands, `::error title=…,file=…,line=…::…`, a line each.
#[must_use]
pub fn sheet(sheet: &Sheet) -> String {
    let mut text = String::new();
    for entry in &sheet.entries {
        let command = match entry.level {
            Level::Passed => continue,
            Level::Skipped | Level::Note => "notice",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let mut properties = vec![format!("title={}", property(&format!("{} {}", entry.rule, entry.title)))];
        if let Some(place) = &entry.place {
            properties.push(format!("file={}", property(&place.file)));
            properties.push(format!("line={}", place.line));
            properties.extend(place.column.map(|column| format!("col={column}")));
        }
        let said = [entry.object.as_str(), entry.message.as_str(), entry.remedy.as_str()];
        let message = said.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
        // Writing to a String can't fail.
        let _ = writeln!(text, "::{command} {}::{}", properties.join(","), data(&message));
    }
    text
}

/// Escapes what follows the second pair of colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::entry::example;

    #[test]
    fn every_finding_is_one_line_whose_parts_are_escaped() {
        let text = super::sheet(&example());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert_eq!(
            lines[0].split('\u{1b}').next().unwrap(),
            "::error title=KW101 a <b> & \"c\"%2C 100%25%3A d,file=dir%2Ca/keyward.toml,line=3,col=7::app.\"odd, name\"%0AOne line.%0AAnother"
        );
        assert!(lines[1].starts_with("::notice ") && lines[2].starts_with("::warning "), "{text}");
    }
}
