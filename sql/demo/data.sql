-- The demo's data: $1 accounts, five locations with keys and ten users each, spread unevenly.
WITH made AS (
    INSERT INTO app.accounts (id, name)
    SELECT n, (ARRAY['Harbour', 'Alpine', 'Northern', 'Garden', 'Old Town', 'Riverside'])[1 + n % 6] || ' '
              || (ARRAY['Dental', 'Fitness', 'Realty', 'Motors', 'Catering'])[1 + n / 6 % 5] || ' ' || n
      FROM generate_series(1, $1::bigint) AS n
    RETURNING id
), located AS (
    INSERT INTO app.locations (id, account_id, name)
    SELECT n, 1 + (n * 7919) % $1::bigint, 'Location ' || n FROM generate_series(1, 5 * $1::bigint) AS n
    RETURNING id
), peopled AS (
    INSERT INTO app.users (id, account_id, email, role)
    SELECT n, 1 + (n * 104729) % $1::bigint, 'user' || n || '@example.com', CASE WHEN n % 10 = 0 THEN 'admin' ELSE 'member' END
      FROM generate_series(1, 10 * $1::bigint) AS n
    RETURNING id
)
SELECT (SELECT count(*) FROM made) AS accounts, (SELECT count(*) FROM located) AS locations, (SELECT count(*) FROM peopled) AS users
