-- golang-migrate: a table of its own with a column called as the key is.
BEGIN;
CREATE TABLE app.devices (id bigserial PRIMARY KEY, location_id bigint REFERENCES app.locations (id), api_key text NOT NULL DEFAULT md5(random()::text));
CREATE VIEW app.device_list AS SELECT d.id, d.api_key, l.name FROM app.devices AS d JOIN app.locations AS l ON l.id = d.location_id;
COMMIT;
