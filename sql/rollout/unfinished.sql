-- The waves that have not come to their end, newest first, and whether each is the one asked for: the same kind ($1), percentage ($2),
-- list ($3), limit ($4), and undoing the same ($5, a wave's number; all of them if NULL).
SELECT w.id, w.kind, w.percent::text AS percent, w.state, w.started_by, w.total,
       w.kind = $1 AND w.percent = $2::text::numeric AND w.list_sha256 IS NOT DISTINCT FROM $3::text
       AND w.account_limit IS NOT DISTINCT FROM $4::text::bigint AND w.reverts IS NOT DISTINCT FROM $5::text::integer AS same
  FROM keyward.wave AS w
 WHERE w.state IN ('running', 'stopped')
 ORDER BY w.id DESC
