//! The JSON Schema of `keyward.toml`, derived from the types of the manifest: what an editor needs to complete, explain and check
//! the file.
//!
//! The functions here describe the strings and numbers whose rules the type alone doesn't tell. The rules between parts of the
//! file are beyond JSON Schema; [`super::Manifest::parse`] knows them.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::parse::{MAX_KEY_BYTES, MIN_KEY_BYTES};
use super::{Deny, MAX_NAME_BYTES, Manifest, VERSION};
use crate::ident::MAX_BYTES;

/// Returns the JSON Schema (draft 2020-12) of the manifest as written in TOML.
///
/// An instant of TOML counts as a string of the format `date-time`, as the TOML tools that read JSON Schema have it. What keyward
/// refuses and the schema allows: names too long in bytes, a name or table used twice, a role in two lists, and a query that isn't one SELECT, VALUES or TABLE.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Manifest>();
    schema.insert("title".to_owned(), json!("keyward.toml"));
    // Something to protect.
    let some = |key: &str| json!({ "required": [key], "properties": { key: { "minItems": 1 } } });
    schema.insert("anyOf".to_owned(), json!([some("keys"), some("writes")]));
    let mut schema = schema.to_value();
    // What isn't stored is read all the same; editors would take it for something that they can't show.
    if let Some(rollout) = schema.pointer_mut("/properties/rollout").and_then(Value::as_object_mut) {
        rollout.remove("writeOnly");
    }
    schema
}

pub(super) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "const": VERSION })
}

pub(super) fn label(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1 })
}

pub(super) fn instant(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

pub(super) fn column(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_BYTES })
}

pub(super) fn role(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_BYTES })
}

pub(super) fn roles(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": role(generator), "uniqueItems": true })
}

pub(super) fn some_roles(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": role(generator), "uniqueItems": true, "minItems": 1 })
}

/// A table's name as SQL reads it: two parts, each quoted or plain.
pub(super) fn table(_: &mut SchemaGenerator) -> Schema {
    let part = r#"("([^"]|"")+"|[\p{Alphabetic}\p{N}_$]+)"#;
    json_schema!({ "type": "string", "pattern": format!(r"^{part}\.{part}$") })
}

pub(super) fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9_]*$", "maxLength": MAX_NAME_BYTES })
}

/// Printable ASCII without quotes (`"`, `'` and the grave accent), backslash and white space.
pub(super) fn prefix(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^[!#-&(-\[\]-_a-~]*$" })
}

pub(super) fn bytes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": MIN_KEY_BYTES, "maximum": MAX_KEY_BYTES })
}

pub(super) fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "number", "exclusiveMinimum": 0 }, { "type": "boolean", "const": false }] })
}

pub(super) fn ignored(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "minLength": 1 }, "uniqueItems": true })
}

/// What people call a query: not blank.
pub(super) fn title(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"\S" })
}

pub(super) fn query(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"\S" })
}

pub(super) fn ok_when(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^\s*(true|(=|<>|<=?|>=?)\s*[+-]?[0-9]+(\.[0-9]+)?)\s*$" })
}

pub(super) fn deny(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": generator.subschema_for::<Deny>(), "uniqueItems": true, "minItems": 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/keyward.schema.json");

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the environment says whether to write the file anew")]
    fn the_published_schema_is_the_one_of_this_code() {
        let wanted = format!("{:#}\n", json_schema());
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(FILE, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(FILE).unwrap_or_default();
        assert!(found == wanted, "keyward.schema.json is stale: run `UPDATE_EXPECT=1 cargo test --lib published_schema`");
    }

    /// Checks documents against a schema: the keywords that this one uses, and a panic at any other.
    ///
    /// (The crate jsonschema agrees on all the cases below. It's no dependency because it changes the features of `serde_json` and
    /// hashbrown, so that the database driver and Postgres's grammar would be compiled a second time for the tests.)
    struct Validator(Value);

    impl Validator {
        fn is_valid(&self, document: &Value) -> bool {
            self.accepts(&self.0, document)
        }

        fn accepts(&self, schema: &Value, found: &Value) -> bool {
            schema.as_object().unwrap().iter().all(|(keyword, wanted)| self.holds(keyword, wanted, schema, found))
        }

        fn holds(&self, keyword: &str, wanted: &Value, schema: &Value, found: &Value) -> bool {
            let accepting =
                |schemas: &Value| schemas.as_array().unwrap().iter().filter(|schema| self.accepts(schema, found)).count();
            let size = wanted.as_u64().and_then(|size| usize::try_from(size).ok());
            let characters = found.as_str().map(|text| text.chars().count());
            let length = found.as_array().map(Vec::len);
            match keyword {
                "$schema" | "$defs" | "title" | "description" | "default" => true,
                "$ref" => self.accepts(self.0.pointer(&wanted.as_str().unwrap()[1..]).unwrap(), found),
                "const" => found == wanted,
                "type" => match wanted.as_str().unwrap() {
                    "string" => found.is_string(),
                    "integer" => found.is_i64(),
                    "number" => found.is_number(),
                    "boolean" => found.is_boolean(),
                    "array" => found.is_array(),
                    "object" => found.is_object(),
                    other => panic!("unknown type {other}"),
                },
                "anyOf" => accepting(wanted) > 0,
                "oneOf" => accepting(wanted) == 1,
                "required" => wanted.as_array().unwrap().iter().all(|key| found.get(key.as_str().unwrap()).is_some()),
                "properties" => wanted
                    .as_object()
                    .unwrap()
                    .iter()
                    .all(|(key, schema)| found.get(key).is_none_or(|item| self.accepts(schema, item))),
                "additionalProperties" => {
                    assert_eq!(wanted, &Value::Bool(false));
                    found.as_object().is_none_or(|found| found.keys().all(|key| schema["properties"].get(key).is_some()))
                }
                "items" => found.as_array().is_none_or(|items| items.iter().all(|item| self.accepts(wanted, item))),
                "uniqueItems" => found.as_array().is_none_or(|items| (1..items.len()).all(|i| !items[..i].contains(&items[i]))),
                "minItems" => length.is_none_or(|length| length >= size.unwrap()),
                "minLength" => characters.is_none_or(|length| length >= size.unwrap()),
                "maxLength" => characters.is_none_or(|length| length <= size.unwrap()),
                "minimum" => found.as_f64().is_none_or(|found| found >= wanted.as_f64().unwrap()),
                "exclusiveMinimum" => found.as_f64().is_none_or(|found| found > wanted.as_f64().unwrap()),
                "maximum" => found.as_f64().is_none_or(|found| found <= wanted.as_f64().unwrap()),
                "pattern" => {
                    found.as_str().is_none_or(|text| regex::Regex::new(wanted.as_str().unwrap()).unwrap().is_match(text))
                }
                "format" if wanted == "double" => true,
                "format" => {
                    assert_eq!(wanted, "date-time");
                    found.as_str().is_none_or(|text| text.parse::<jiff::Timestamp>().is_ok())
                }
                other => panic!("unknown keyword {other}"),
            }
        }
    }

    /// Returns a TOML document as the JSON that schema-reading TOML tools see: instants are strings.
    fn as_json(text: &str) -> Value {
        fn value(toml: toml::Value) -> Value {
            match toml {
                toml::Value::Table(table) => table.into_iter().map(|(key, item)| (key, value(item))).collect(),
                toml::Value::Array(items) => items.into_iter().map(value).collect(),
                toml::Value::Datetime(datetime) => json!(datetime.to_string()),
                other => serde_json::to_value(other).unwrap(),
            }
        }
        value(toml::Value::Table(text.parse().unwrap()))
    }

    const EXAMPLE: &str = include_str!("../../keyward.example.toml");

    #[test]
    fn the_schema_accepts_the_example_and_the_manifest_as_it_is_stored() {
        let schema = Validator(json_schema());
        assert!(schema.is_valid(&as_json(EXAMPLE)));
        let stored = serde_json::to_value(Manifest::parse(EXAMPLE, "").unwrap()).unwrap();
        assert!(schema.is_valid(&stored));
        // What the example shows of the rollout is commented out, and good: without a mark before what isn't prose.
        let section = EXAMPLE.find("[rollout.limits]").unwrap();
        let is_toml =
            |line: &&str| line.starts_with("# [") || line.split_once(" = ").is_some_and(|(key, _)| !key[2..].contains(' '));
        let held: Vec<_> =
            EXAMPLE[section..].lines().filter(|line| line.starts_with("# ")).filter(is_toml).map(|line| &line[2..]).collect();
        assert_eq!(held.len(), 17, "{held:?}");
        let held = format!("{}[rollout.limits]\n{}", &EXAMPLE[..section], held.join("\n"));
        assert!(Manifest::parse(&held, "").unwrap().rollout.gates.len() == 1 && schema.is_valid(&as_json(&held)));
        let odd = EXAMPLE.replace("\"app.users\"", r#"'"My ""App"".x"."Üsers"'"#);
        assert!(Manifest::parse(&odd, "").is_ok() && schema.is_valid(&as_json(&odd)));
    }

    #[test]
    fn the_schema_refuses_what_the_parser_refuses() {
        let schema = Validator(json_schema());
        let edits = [
            ("version = 1", "version = 2"),
            ("version = 1", ""),
            ("cutover = 2024-06-17T00:00:00Z", ""),
            ("cutover = 2024-06-17T00:00:00Z", "cutover = 2024-06-17T00:00:00"),
            ("label = \"Enhanced Account Security\"", "label = \"\""),
            ("ui = [", "uis = ["),
            ("ui = [\"app_ui\"]", "ui = [\"app_ui\", \"app_ui\"]"),
            ("ui = [\"app_ui\"]", "ui = \"app_ui\""),
            ("table = \"app.accounts\"", "table = \"accounts\""),
            ("table = \"app.accounts\"", "table = \"app.b.accounts\""),
            ("name = \"location_api_key\"", "name = \"Key\""),
            ("name = \"location_api_key\"", "name = \"a23456789b123456789c123456789d12345\""),
            ("column = \"api_key\"", "column = \"\""),
            ("column = \"api_key\"", ""),
            ("hide = \"vault\"", "hide = \"mask\""),
            ("on_insert = \"strip\"", "on_insert = true"),
            ("bytes = 32", "bytes = 15"),
            ("bytes = 32", "bytes = 513"),
            ("prefix = \"loc_\"", "prefix = 'loc\"'"),
            ("prefix = \"loc_\"", "prefix = 'loc\\'"),
            ("prefix = \"loc_\"", "prefix = \"loc`\""),
            ("prefix = \"loc_\"", "prefix = \"loc \""),
            ("via = \"app.locations\", ", ""),
            ("roles = [\"api_v1\"]", "roles = []"),
            ("deny = [\"insert\", \"update\", \"delete\"]", "deny = []"),
            ("deny = [\"insert\"", "deny = [\"truncate\""),
            ("rls = true", "rls = 1"),
            ("# lag_bytes = 268435456", "lag_bytes = 0"),
            ("# lag_bytes = 268435456", "lag_bytes = true"),
            ("# lag_bytes = 268435456", "lag_byte = 1"),
            ("# ignore = [\"delayed_standby\"]", "ignore = [\"\"]"),
            ("# [[rollout.throttle]]", "[[rollout.throttle]]\nname = \"q\"\nsql = \"SELECT 1\""),
            ("# [[rollout.gate]]", "[[rollout.gate]]\nname = \"q\"\nsql = \"SELECT 1\"\nok_when = \"few\""),
            ("# [[rollout.gate]]", "[[rollout.gate]]\nname = \"\"\nsql = \"SELECT 1\"\nok_when = \"true\""),
        ];
        for (from, to) in edits {
            assert!(EXAMPLE.contains(from), "{from}");
            let text = EXAMPLE.replacen(from, to, 1);
            assert!(Manifest::parse(&text, "").is_err(), "the parser reads {to:?} for {from:?}");
            assert!(!schema.is_valid(&as_json(&text)), "the schema accepts {to:?} for {from:?}");
        }
        let nothing = &EXAMPLE[..EXAMPLE.find("[[keys]]").unwrap_or_default()];
        let nothing = &nothing[..nothing.rfind("\n\n").unwrap_or(nothing.len())];
        assert!(Manifest::parse(nothing, "").is_err() && !schema.is_valid(&as_json(nothing)));
    }
}
