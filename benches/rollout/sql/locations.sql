-- So many locations ($2), each with a key, spread over so many accounts ($1).
INSERT INTO app.locations (id, account_id, name, api_key, updated_at)
SELECT n, (n - 1) % $1 + 1, 'Location number ' || n, 'loc_' || pg_catalog.md5(n::text) || pg_catalog.md5((n + $2)::text), timestamptz '2024-01-01'
  FROM pg_catalog.generate_series(1, $2) AS n
