-- purpose: Makes a new random key for a row, stored where the account's setting says, and returns it once. Runs as the caller.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "generate_" ~ key.name }}({{ key.id_type }});
{% import "enforce/_macros.sql" as m %}

CREATE OR REPLACE FUNCTION keyward.{{ "generate_" ~ key.name }}(id {{ key.id_type }}) RETURNS {{ key.key_type }}
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $keyward$
#variable_conflict use_variable
<<made>>
DECLARE
{% if key.key_is_uuid %}
    key_   uuid := pg_catalog.gen_random_uuid();
{% else %}
    bytes_ bytea := '';
    key_   {{ key.key_type }};
{% endif %}
    acct   text;
BEGIN
{% if not key.key_is_uuid %}
    -- gen_random_uuid draws on the server's cryptographic generator: 122 random bits each, condensed 366 to 256
    WHILE pg_catalog.octet_length(bytes_) < {{ key.bytes }} LOOP
        bytes_ := bytes_ || pg_catalog.sha256(
            pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
            || pg_catalog.uuid_send(pg_catalog.gen_random_uuid()));
    END LOOP;
    key_ := {{ key.prefix | lit }} || pg_catalog.encode(pg_catalog.substr(bytes_, 1, {{ key.bytes }}), 'hex');
{% endif %}
    -- the guard seals it where the setting is on
    UPDATE {{ key.table }} AS b SET {{ key.column }} = made.key_ WHERE b.{{ key.id }} = $1
    RETURNING {{ m.account_of("b" | safe, key.account) }}::text INTO acct;
    IF NOT FOUND THEN
        {{ m.row_not_visible(key) }}
    END IF;
    PERFORM FROM {{ key.table }} AS b LEFT JOIN keyward.{{ "vault_" ~ key.name }} AS v ON v.{{ key.id }} = b.{{ key.id }}
      WHERE b.{{ key.id }} = $1 AND COALESCE(v.{{ key.column }}, b.{{ key.column }}) = made.key_;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'KW001',
            MESSAGE = {{ ("the row of " ~ key.human ~ " didn't take the new key") | lit }},
            DETAIL = 'A key comes into being by a statement of a UI role, not from inside a trigger; or a trigger of the application altered it.',
            HINT = {{ ("Call keyward.generate_" ~ key.name ~ "(id) directly, as a role listed under roles.ui in the manifest.") | lit }},
            SCHEMA = {{ key.schema | lit }}, TABLE = {{ key.relname | lit }}, COLUMN = {{ key.column | lit }};
    END IF;
    PERFORM keyward.record('generate', {{ key.name | lit }}, $1::text, acct);
    RETURN key_;
END
$keyward$;
{{ m.execute("keyward." | safe ~ ("generate_" ~ key.name) ~ "(" | safe ~ key.id_type ~ ")" | safe, grantees, ui) }}
