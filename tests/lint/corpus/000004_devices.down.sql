-- golang-migrate: back.
DROP VIEW app.device_list;
DROP TABLE app.devices;
