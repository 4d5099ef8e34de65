-- id: key_partition
-- control: no_automatic_key
-- vector: writes the partition itself
-- who: api, ui
-- expects: withheld
-- lends: INSERT
-- where: partition
{% import "probe/_macros.sql" as m %}

-- act:
INSERT INTO {{ at.part }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.values }});

-- look as owner:
{{ m.new_row(at) }};
