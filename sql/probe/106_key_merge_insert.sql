-- id: key_merge_insert
-- control: no_automatic_key
-- vector: MERGE … WHEN NOT MATCHED THEN INSERT
-- who: api, ui
-- expects: withheld
-- lends: INSERT
-- where: merge
{% import "probe/_macros.sql" as m %}

-- act:
MERGE INTO {{ key.table }} AS b USING (VALUES ({{ at.new_id }})) AS s (id) ON b.{{ key.id }} = s.id
WHEN NOT MATCHED THEN INSERT ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.values }});

-- look as owner:
{{ m.new_row(at) }};
