-- PostgreSQL database dump
\restrict a1b2c3
SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
SET row_security = off;
CREATE TABLE app.locations (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    name text NOT NULL,
    api_key text
);
CREATE TABLE billing.users (id bigint, email text);
COPY billing.users (id, email) FROM stdin;
1	it's "me";
2	\N
\.
ALTER TABLE ONLY app.locations ADD CONSTRAINT locations_pkey PRIMARY KEY (id);
\unrestrict a1b2c3
