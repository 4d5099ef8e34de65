-- id: read_xml
-- control: no_key_in_responses
-- vector: query_to_xml
-- who: api
-- expects: hidden
-- lends: SELECT
-- tell: shows

-- act:
SELECT pg_catalog.query_to_xml({{ read_row | lit }} || pg_catalog.quote_literal({{ at.id }}::text), true, false, '');
