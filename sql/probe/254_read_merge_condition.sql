-- id: read_merge_condition
-- control: no_key_in_responses
-- vector: MERGE … WHEN MATCHED AND a guess
-- who: api
-- expects: hidden
-- lends: SELECT
-- where: merge

-- act:
MERGE INTO {{ key.table }} AS b USING (VALUES ({{ at.id }})) AS s (id) ON b.{{ key.id }} = s.id
WHEN MATCHED AND b.{{ key.column }} {{ key.equals }} {{ at.key }} THEN UPDATE SET {{ row.link }} = b.{{ row.link }};

-- look:
SELECT CASE WHEN EXISTS (SELECT FROM {{ key.table }} AS b
                          WHERE b.{{ key.id }} = {{ at.id }} AND b.ctid = {{ at.ctid }} AND b.tableoid = {{ at.part_name | lit }}::pg_catalog.regclass)
            THEN 'hidden' ELSE 'bypassed' END AS v;
