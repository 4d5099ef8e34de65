-- purpose: Rows with a published key in an enabled account, which were written by transactions that had not seen the setting. They are
--   locked; rows in use are left out.
-- parameters: $1 how many to return at most; $2 whether a row whose account can't be determined counts as enabled
-- role: owner
-- lock: FOR UPDATE or FOR NO KEY UPDATE, as their UPDATE will, on the rows returned
{% import "rollout/_macros.sql" as r %}

SELECT b.{{ key.id }}::text AS id
  FROM {{ r.rows(key) }}
  LEFT JOIN keyward.account_setting AS s ON s.account = {{ r.account(key) }}
 WHERE b.{{ key.column }} IS NOT NULL
   AND {{ r.enabled(key, "$2::boolean" | safe) }}
 LIMIT $1
   {{ key.row_lock }} OF b SKIP LOCKED
