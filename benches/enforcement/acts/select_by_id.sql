-- For pgbench: one location by its id.
\set id random(1, 100000)
SELECT {columns} FROM app.locations WHERE id = :id;
