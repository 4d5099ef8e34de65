-- id: key_merge_update
-- control: no_automatic_key
-- vector: MERGE … WHEN MATCHED THEN UPDATE sets a key
-- who: api
-- expects: withheld
-- lends: UPDATE
-- where: merge
{% import "probe/_macros.sql" as m %}

-- act:
MERGE INTO {{ key.table }} AS b USING (VALUES ({{ at.id }})) AS s (id) ON b.{{ key.id }} = s.id
WHEN MATCHED THEN UPDATE SET {{ key.column }} = {{ at.new_key }};

-- look as owner:
{{ m.kept(at) }};
