-- For pgbench: another name for a location.
\set id random(1, 100000)
UPDATE app.locations SET name = 'Another name', updated_at = now() WHERE id = :id;
