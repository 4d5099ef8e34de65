//! JUnit XML, as CI servers read it: a test case for each entry, those that passed included.

use std::fmt::Write as _;

use super::entry::{Level, Sheet};

/// Returns a sheet as a JUnit document: errors and warnings are failures, notes are told in `system-out`, what could not be
/// tried is skipped.
#[must_use]
pub fn sheet(sheet: &Sheet) -> String {
    let failures = sheet.entries.iter().filter(|entry| entry.level >= Level::Warning).count();
    let skipped = sheet.entries.iter().filter(|entry| entry.level == Level::Skipped).count();
    let name = escape(&sheet.name);
    let tests = sheet.entries.len();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n  \
         <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">\n"
    );
    for entry in &sheet.entries {
        let case = [entry.title.as_str(), entry.object.as_str()];
        let case = case.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
        let open = format!("    <testcase classname=\"{}\" name=\"{}\"", escape(&entry.rule), escape(&case));
        let told = [entry.message.as_str(), entry.remedy.as_str()];
        let told = told.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
        // Writing to a String can't fail.
        let _ = match entry.level {
            Level::Passed => writeln!(text, "{open}/>"),
            Level::Skipped => writeln!(text, "{open}>\n      <skipped message=\"{}\"/>\n    </testcase>", escape(&told)),
            Level::Note => writeln!(text, "{open}>\n      <system-out>{}</system-out>\n    </testcase>", escape(&told)),
            Level::Warning | Level::Error => writeln!(
                text,
                "{open}>\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
                entry.level.as_str(),
                escape(&entry.title),
                escape(&told)
            ),
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// Escapes a text for XML 1.0, in which most control characters can't be written at all.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push('\t'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.extend(c.escape_default()),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::entry::example;

    #[test]
    fn it_is_well_formed_and_has_a_case_for_each_entry() {
        let text = super::sheet(&example());
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let suite = document.root_element().first_element_child().unwrap();
        assert_eq!(
            (suite.attribute("tests"), suite.attribute("failures"), suite.attribute("skipped")),
            (Some("5"), Some("2"), Some("1"))
        );
        let cases: Vec<_> = suite.children().filter(|node| node.has_tag_name("testcase")).collect();
        let inside = |at: usize| cases[at].first_element_child().map(|node| node.tag_name().name().to_owned());
        assert_eq!(
            [inside(0), inside(1), inside(2), inside(3), inside(4)],
            [Some("failure".into()), Some("system-out".into()), Some("failure".into()), Some("skipped".into()), None]
        );
        assert_eq!(cases[0].attribute("name"), Some("a <b> & \"c\", 100%: d: app.\"odd, name\""));
        let told = cases[0].first_element_child().unwrap().text().unwrap();
        assert!(told.starts_with("One line.\nAnother\\u{1b}[31m.\nDROP VIEW x;"), "{told}");
    }
}
