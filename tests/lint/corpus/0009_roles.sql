-- A reporting role that reads what it needs.
CREATE ROLE reporting NOLOGIN;
GRANT USAGE ON SCHEMA app TO reporting;
GRANT SELECT ON app.orders, app.order_lines TO reporting;
GRANT reporting TO analyst;
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO reporting;
