-- The sequences of the database, and how far each is, as far as the connected role may see.
SELECT pg_catalog.format('%I.%I', s.schemaname, s.sequencename) AS name, s.last_value::text AS last_value
  FROM pg_catalog.pg_sequences AS s ORDER BY 1
