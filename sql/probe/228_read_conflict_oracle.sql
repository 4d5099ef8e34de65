-- id: read_conflict_oracle
-- control: no_key_in_responses
-- vector: ON CONFLICT DO NOTHING tells whether a guessed key exists
-- who: api
-- expects: hidden
-- lends: INSERT
-- where: unique_key, not_accounts

-- act:
INSERT INTO {{ key.table }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.guess_values }}) ON CONFLICT DO NOTHING;

-- look as owner:
SELECT CASE WHEN EXISTS (SELECT FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.guess_id }}) THEN 'hidden' ELSE 'bypassed' END AS v;
