-- How many seconds are left until the cutover ($1), by the server's clock; none or fewer once it has come.
SELECT EXTRACT(epoch FROM $1::text::timestamptz - pg_catalog.clock_timestamp())::float8 AS seconds
