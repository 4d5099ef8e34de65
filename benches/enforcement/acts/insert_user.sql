-- For pgbench: a new user.
\set account {accounts}
INSERT INTO app.users (account_id, email, name) VALUES (:account, 'somebody@example.com', 'Somebody');
