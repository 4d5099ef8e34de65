-- id: read_materialized_view
-- control: no_key_in_responses
-- vector: a materialized view, filled now
-- who: api
-- expects: hidden
-- hide: vault
-- tell: shows
-- needs: create_schema

-- set-up as runner:
CREATE SCHEMA keyward_probe;
GRANT ALL ON SCHEMA keyward_probe TO {{ hand }}, {{ role }};

-- set-up:
CREATE MATERIALIZED VIEW keyward_probe.seen AS SELECT * FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }};
GRANT SELECT ON keyward_probe.seen TO {{ role }};

-- act:
SELECT * FROM keyward_probe.seen AS b;
