-- Run by psql, with its variables.
\set ON_ERROR_STOP on
\if :{?tenant}
UPDATE app.accounts SET name = :'name' WHERE id = :tenant;
\endif
SELECT count(*) AS n FROM app.orders \gset
\echo :n
