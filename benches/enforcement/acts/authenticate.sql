-- For pgbench: whose key a request presents.
\set id random(1, 100000)
SELECT a.id, a.account FROM {lookup} AS a;
