-- id: key_insert_cte
-- control: no_automatic_key
-- vector: a data-modifying CTE
-- who: api, ui
-- expects: withheld
-- lends: INSERT
{% import "probe/_macros.sql" as m %}

-- act:
WITH made AS ({{ m.insert(at) }} RETURNING {{ key.id }}) SELECT count(*) FROM made;

-- look as owner:
{{ m.new_row(at) }};
