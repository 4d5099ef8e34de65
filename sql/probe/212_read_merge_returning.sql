-- id: read_merge_returning
-- control: no_key_in_responses
-- vector: MERGE … RETURNING *
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows
-- where: merge_returning

-- act:
MERGE INTO {{ key.table }} AS b USING (VALUES ({{ at.id }})) AS s (id) ON b.{{ key.id }} = s.id
WHEN MATCHED THEN UPDATE SET {{ row.link }} = b.{{ row.link }} RETURNING b.*;
