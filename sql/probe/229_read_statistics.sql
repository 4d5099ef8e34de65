-- id: read_statistics
-- control: no_key_in_responses
-- vector: pg_stats shows sealed keys
-- who: api
-- expects: hidden
-- with: owner

-- act:
SELECT pg_catalog.count(*) FROM pg_catalog.pg_stats;

-- counter:
SELECT 'bypassed' AS v;

-- look as owner:
SELECT CASE WHEN EXISTS (
           SELECT FROM pg_catalog.pg_stats AS s,
                  pg_catalog.unnest(s.most_common_vals::text::text[] || s.histogram_bounds::text::text[]) AS shown (value)
             JOIN keyward.{{ "vault_" ~ key.name }} AS v ON v.{{ key.column }} {{ key.equals }} shown.value::{{ key.key_type }}
            WHERE s.schemaname = {{ key.schema | lit }} AND s.tablename = {{ key.relname | lit }} AND s.attname = {{ key.column | lit }})
       THEN 'bypassed' ELSE 'hidden' END AS v;
