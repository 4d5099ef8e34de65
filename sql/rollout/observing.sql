-- The policy's mode, since when it is that, and the first day of which there are observations.
SELECT p.mode, COALESCE(p.mode_changed_at, p.changed_at) AS since, (SELECT pg_catalog.min(o.day) FROM keyward.observation AS o) AS first_day
  FROM keyward.policy AS p
