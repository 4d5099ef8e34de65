-- For pgbench: another name for a user.
\set id {users}
UPDATE app.users SET name = 'Another name' WHERE id = :id;
