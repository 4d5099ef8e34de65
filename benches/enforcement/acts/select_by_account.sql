-- For pgbench: the 25 locations of an account.
\set account random(1, 4000)
SELECT {columns} FROM app.locations WHERE account_id = :account;
