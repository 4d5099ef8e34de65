-- purpose: Takes the shared locks that keep the settings of the rows' accounts as they are until the end of the transaction, as every
--   writer of a key does; says whether all of them could be had at once.
-- parameters: $1 the rows' ids
-- role: owner
-- lock: advisory, shared with writers of keys
{% import "enforce/_macros.sql" as m %}

SELECT COALESCE(pg_catalog.bool_and(pg_catalog.pg_try_advisory_xact_lock_shared(l.class, l.bucket)), true) AS held
  FROM (SELECT DISTINCT x.class, x.bucket
          FROM {{ key.table }} AS b,
               LATERAL (SELECT {{ m.account_of("b" | safe, key.account) }} AS account) AS w,
               LATERAL (VALUES ({{ m.setting_lock("w.account" | safe) }})) AS x (class, bucket)
         WHERE b.{{ key.id }} = ANY ($1::text[]::{{ key.id_type }}[])) AS l
