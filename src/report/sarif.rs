//! SARIF 2.1.0, as code-scanning services read it.

use serde_json::{Value, json};

use crate::error::Result;

use super::entry::{Entry, Level, Sheet};
use super::json;

/// Returns what was found as a SARIF log of one run.
///
/// # Errors
/// [`crate::error::Kind::Bug`] if it can't be written.
pub fn sheet(sheet: &Sheet) -> Result<String> {
    let rules: Vec<Value> = sheet
        .rules
        .iter()
        .map(|about| {
            json!({
                "id": about.rule,
                "shortDescription": { "text": about.title },
                "fullDescription": { "text": about.why },
                "help": { "text": about.remedy },
                "defaultConfiguration": { "level": level(about.level) },
            })
        })
        .collect();
    let results: Vec<Value> =
        sheet.entries.iter().filter(|entry| entry.level != Level::Passed).map(|entry| result(sheet, entry)).collect();
    json::document(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": sheet.name,
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn result(sheet: &Sheet, entry: &Entry) -> Value {
    let parts = [entry.title.as_str(), entry.object.as_str()];
    let head = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    let said = [head.as_str(), entry.message.as_str(), entry.remedy.as_str()];
    let mut location = json!({});
    if !entry.object.is_empty() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": entry.object }]);
    }
    if let Some(place) = &entry.place {
        let mut region = json!({ "startLine": place.line });
        if let Some(column) = place.column {
            region["startColumn"] = column.into();
        }
        location["physicalLocation"] = json!({ "artifactLocation": { "uri": uri(&place.file) }, "region": region });
    }
    let mut result = json!({
        "ruleId": entry.rule,
        "level": level(entry.level),
        "message": { "text": said.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n") },
        "partialFingerprints": { "keyward/v1": entry.fingerprint },
        "locations": [location],
    });
    if let Some(index) = sheet.rules.iter().position(|about| about.rule == entry.rule) {
        result["ruleIndex"] = index.into();
    }
    result
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Passed => "none",
        Level::Skipped => "note",
        other => other.as_str(),
    }
}

/// Returns a path as a relative or absolute URI reference: what isn't plain is percent-encoded.
fn uri(path: &str) -> String {
    path.bytes().fold(String::with_capacity(path.len()), |mut uri, byte| {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = std::fmt::Write::write_fmt(&mut uri, format_args!("%{byte:02X}"));
        }
        uri
    })
}

#[cfg(test)]
mod tests {
    use super::super::entry::example;
    use super::*;

    #[test]
    fn it_is_valid_by_the_published_schema() {
        let schema: Value = serde_json::from_str(include_str!("../../tests/it/sarif-2.1.0.schema.json")).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let log: Value = serde_json::from_str(&sheet(&example()).unwrap()).unwrap();
        let wrong: Vec<_> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new());
        // control
        let mut broken = log.clone();
        broken["runs"][0]["results"][0]["level"] = "fatal".into();
        assert!(!validator.is_valid(&broken));
        assert!(!validator.is_valid(&json!({ "version": "2.1.0" })));
    }

    #[test]
    fn a_result_names_its_rule_object_and_place() {
        let log: Value = serde_json::from_str(&sheet(&example()).unwrap()).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 4, "what passed is no result");
        let first = &results[0];
        assert_eq!((&first["ruleId"], &first["ruleIndex"], &first["level"]), (&json!("KW101"), &json!(0), &json!("error")));
        let location = &first["locations"][0];
        assert_eq!(location["physicalLocation"]["artifactLocation"]["uri"], "dir%2Ca/keyward.toml");
        assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "app.\"odd, name\"");
        assert_eq!(first["partialFingerprints"]["keyward/v1"], "KW101:app.odd");
    }
}
