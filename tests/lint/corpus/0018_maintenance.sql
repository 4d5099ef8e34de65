-- Storage and statistics.
ALTER TABLE app.locations SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE app.locations ALTER COLUMN name SET STATISTICS 500;
CREATE STATISTICS app.order_stats ON account_id, state FROM app.orders;
ANALYZE app.locations;
