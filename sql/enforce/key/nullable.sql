-- purpose: A key that is sealed or withheld leaves NULL in its row: the column must accept it.
-- lock: ACCESS EXCLUSIVE {{ key.table }}
-- hazard: drops_not_null
-- undo: ALTER TABLE {{ key.table }} ALTER COLUMN {{ key.column }} SET NOT NULL;

ALTER TABLE {{ key.table }} ALTER COLUMN {{ key.column }} DROP NOT NULL;
