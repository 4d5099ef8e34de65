-- purpose: The next accounts of a run, by id: those of the run's share that have no setting of their own. Also the last
--   account that was looked at, NULL at the end of the table.
-- parameters: $1 the last account of the batch before, or NULL; $2 how many accounts to look at; $3 how many to return;
--   $4 the share in hundredths of a percent
-- role: owner
{% import "rollout/_macros.sql" as r %}

WITH span AS MATERIALIZED (
    SELECT a.{{ accounts.id }} AS id
      FROM {{ accounts.table }} AS a
     WHERE $1::text IS NULL OR a.{{ accounts.id }} > $1::text::{{ accounts.id_type }}
     ORDER BY a.{{ accounts.id }}
     LIMIT $2
), free AS (
    SELECT s.id
      FROM span AS s
     WHERE {{ r.member("s.id" | safe, "$4::bigint" | safe) }}
       AND NOT EXISTS (
           SELECT FROM keyward.account_setting AS t
            WHERE t.account = s.id
              -- the range once more: without it every batch would hash the settings of all accounts
              AND t.account >= (SELECT x.id FROM span AS x ORDER BY x.id LIMIT 1)
              AND t.account <= (SELECT x.id FROM span AS x ORDER BY x.id DESC LIMIT 1))
     ORDER BY s.id
     LIMIT $3
)
SELECT COALESCE((SELECT pg_catalog.array_agg(f.id::text ORDER BY f.id) FROM free AS f), '{}') AS accounts,
       (SELECT x.id::text FROM span AS x ORDER BY x.id DESC LIMIT 1) AS last
