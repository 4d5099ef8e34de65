-- id: read_references
-- control: no_key_in_responses
-- vector: guesses by a foreign key of its own
-- who: api
-- expects: stopped
-- tell: success
-- where: unique_key
-- needs: create_schema
-- lock: SHARE ROW EXCLUSIVE
-- with: hand

-- set-up as runner:
CREATE SCHEMA keyward_probe;
GRANT ALL ON SCHEMA keyward_probe TO {{ hand }}, {{ role }};

-- act:
CREATE TABLE keyward_probe.guess (k {{ key.key_type }} REFERENCES {{ key.table }} ({{ key.column }}));

-- counter:
CREATE TABLE keyward_probe.guess (k {{ key.key_type }} REFERENCES {{ key.table }} ({{ key.column }}));
