-- Extensions, a foreign server, an event trigger.
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE SERVER warehouse FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'warehouse.example.com');
CREATE FOREIGN TABLE app.stock (sku text, amount int) SERVER warehouse;
CREATE INDEX orders_note_trgm ON app.orders USING gin (note gin_trgm_ops);
