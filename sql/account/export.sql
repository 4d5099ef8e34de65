-- purpose: A page of the accounts that have a setting of their own: after the account $1, of the source $2 (NULL: any), at most $3.
-- role: owner
SELECT s.account::text AS account,
       s.enabled,
       s.source,
       pg_catalog.to_char(s.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS changed_at,
       s.changed_by,
       s.requested_by,
       s.reason,
       s.wave
  FROM keyward.account_setting AS s
 WHERE ($1::text IS NULL OR s.account > $1::text::{{ id_type }}) AND ($2::text IS NULL OR s.source = $2)
 ORDER BY s.account
 LIMIT $3
