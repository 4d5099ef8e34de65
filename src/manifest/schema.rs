//! The JSON Schema of `keyward.toml`, derived from the types of the manifest: what an editor needs to complete, explain and check the file.
//!
//! The functions here describe the strings and numbers whose rules the type alone doesn't tell. The rules between parts of the
//! file are beyond JSON Schema; [`super::Manifest::parse`] knows them.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::parse::{MAX_KEY_BYTES, MIN_KEY_BYTES};
use super::{Deny, MAX_NAME_BYTES, Manifest, VERSION};
use crate::ident::MAX_BYTES;

/// Returns the JSON Schema (draft 2020-12) of the manifest as written in TOML.
///
/// An instant of TOML counts as a string of the format `date-time`, as the TOML tools that read JSON Schema have it. What keyward
/// refuses and the schema allows: names too long in bytes, a name or table used twice, and a role in two lists.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Manifest>();
    schema.insert("title".to_owned(), json!("keyward.toml"));
    // Something to protect.
    let some = |key: &str| json!({ "required": [key], "properties": { key: { "minItems": 1 } } });
    schema.insert("anyOf".to_owned(), json!([some("keys"), some("writes")]));
    schema.to_value()
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

pub(super) fn deny(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": generator.subschema_for::<Deny>(), "uniqueItems": true, "minItems": 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/keyward.schema.json");

    #[test]
    fn the_published_schema_is_the_one_of_this_code() {
        let wanted = format!("{:#}\n", json_schema());
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(FILE, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(FILE).unwrap_or_default();
        assert!(found == wanted, "keyward.schema.json is stale: run `UPDATE_EXPECT=1 cargo test --lib published_schema`");
    }
}
