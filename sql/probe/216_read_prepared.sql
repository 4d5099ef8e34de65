-- id: read_prepared
-- control: no_key_in_responses
-- vector: a statement that the UI prepared, executed after SET ROLE
-- who: api
-- expects: stopped, hidden
-- tell: shows
-- with: ui
{% import "probe/_macros.sql" as m %}

-- set-up as ui:
PREPARE keyward_probe AS SELECT v.{{ key.column }} FROM {{ m.source() }} AS v WHERE v.{{ key.id }} = {{ at.id }};

-- act:
EXECUTE keyward_probe;

-- counter:
EXECUTE keyward_probe;
