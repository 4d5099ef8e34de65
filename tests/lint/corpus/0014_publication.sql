-- Logical replication of what may leave.
CREATE PUBLICATION warehouse FOR TABLE app.orders, app.order_lines, app.locations (id, account_id, name);
ALTER TABLE app.orders REPLICA IDENTITY FULL;
