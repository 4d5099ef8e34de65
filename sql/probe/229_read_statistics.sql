-- id: read_statistics
-- control: no_key_in_responses
-- vector: pg_stats shows keys
-- who: api
-- expects: hidden
-- lends: SELECT
-- wall: hidden
-- tell: rows
-- with: self
{% if walled %}

-- act:
SELECT 1 FROM pg_catalog.pg_stats AS s WHERE s.schemaname = {{ key.schema | lit }} AND s.tablename = {{ key.relname | lit }} AND s.attname = {{ key.column | lit }};

-- counter:
SELECT 1 FROM pg_catalog.pg_stats AS s WHERE s.schemaname = {{ key.schema | lit }} AND s.tablename = {{ key.relname | lit }} AND s.attname = {{ key.column | lit }};
{% else %}

-- set-up as owner:
CREATE FUNCTION pg_temp.keyward_probe(seen {{ key.key_type }}) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ SELECT EXISTS (SELECT FROM keyward.{{ "vault_" ~ key.name }} AS v WHERE v.{{ key.column }} {{ key.equals }} seen) $keyward$;
GRANT EXECUTE ON FUNCTION pg_temp.keyward_probe({{ key.key_type }}) TO {{ role }};

-- act:
SELECT 1 FROM pg_catalog.pg_stats AS s,
              pg_catalog.unnest(s.most_common_vals::text::text[] || s.histogram_bounds::text::text[]) AS shown (value)
 WHERE s.schemaname = {{ key.schema | lit }} AND s.tablename = {{ key.relname | lit }} AND s.attname = {{ key.column | lit }}
   AND pg_temp.keyward_probe(shown.value::{{ key.key_type }});

-- counter:
SELECT 1 FROM pg_catalog.pg_stats AS s WHERE s.schemaname = {{ key.schema | lit }} AND s.tablename = {{ key.relname | lit }};
{% endif %}
