-- id: read_duplicate_key
-- control: no_key_in_responses
-- vector: a duplicate-key error tells whether a guessed key exists
-- who: api
-- expects: hidden
-- lends: INSERT
-- tell: 23505
-- where: unique_key, not_accounts

-- act:
INSERT INTO {{ key.table }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.guess_values }});
