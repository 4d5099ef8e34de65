-- Forgets the observations of days that are more than $1 days ago.
DELETE FROM keyward.observation AS o WHERE o.day < (pg_catalog.now() AT TIME ZONE 'UTC')::date - $1::bigint::integer
