-- Sets what each of keyward's sessions relies on, whatever was set for the role, the database or the server.
-- Time limits that are meant for an application don't end a rollout's wait or a long publication; keyward sets its own lock_timeout.
-- With row_security off, a query fails instead of showing what the role may see; quoted names would make the catalogue look changed.

SET search_path = pg_catalog;
SET client_min_messages = warning;
SET default_transaction_isolation = 'read committed';
SET default_transaction_deferrable = off;
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET idle_session_timeout = 0;
SET row_security = on;
SET quote_all_identifiers = off;
SET bytea_output = hex;
SET DateStyle = ISO;
SET IntervalStyle = postgres;
SET extra_float_digits = 1;
SET standard_conforming_strings = on;
SET transform_null_equals = off;
