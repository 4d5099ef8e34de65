-- So many accounts ($1).
INSERT INTO app.accounts (id, name, email, plan, created_at, updated_at)
SELECT n, 'Account number ' || n, 'owner-' || n || '@example.com', (ARRAY['free', 'starter', 'business'])[n % 3 + 1],
       timestamptz '2020-01-01' + n * interval '1 minute', timestamptz '2024-01-01'
  FROM pg_catalog.generate_series(1, $1) AS n
