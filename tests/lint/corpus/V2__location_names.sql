-- Flyway: an ordinary change of a protected table, away from the key.
ALTER TABLE app.locations ADD COLUMN phone text;
ALTER TABLE app.locations ALTER COLUMN name SET NOT NULL;
CREATE INDEX CONCURRENTLY locations_name ON app.locations (lower(name));
COMMENT ON COLUMN app.locations.phone IS 'as the customer wrote it';
