-- purpose: The next accounts of a chunk, by id: those of the wave's share that have no setting of their own, or, to be undone, those whose setting
--   the waves made. Also the last account that was looked at, and whether that is all of the chunk.
-- parameters: $1 the last account of the batch before, or NULL; $2 the chunk's end; $3 how many accounts to look at; $4 how many to return;
--   $5 the share in hundredths of a percent; $6 the wave; $7 the waves that it undoes
-- role: owner
{% import "rollout/_macros.sql" as r %}

WITH span AS MATERIALIZED (
    SELECT x.id
      FROM {{ r.source(accounts, of, "$6::integer" | safe, "$7::text[]::integer[]" | safe) }} AS x
     WHERE ($1::text IS NULL OR x.id > $1::text::{{ accounts.id_type }}) AND x.id <= $2::text::{{ accounts.id_type }}
     ORDER BY x.id
     LIMIT $3
), bound AS MATERIALIZED (
    SELECT x.id AS high FROM span AS x ORDER BY x.id DESC LIMIT 1
), free AS (
    SELECT s.id
      FROM span AS s
     WHERE {{ r.member("s.id" | safe, "$5::bigint" | safe) }}
{% if of != "settings" %}
       AND NOT EXISTS (
           SELECT FROM keyward.account_setting AS t
            WHERE t.account = s.id AND NOT {{ r.undecided("t" | safe) }}
              -- the range once more: without it every batch would hash the settings of all accounts
              AND ($1::text IS NULL OR t.account > $1::text::{{ accounts.id_type }}) AND t.account <= (SELECT b.high FROM bound AS b))
{% endif %}
       AND NOT EXISTS (SELECT FROM keyward.parked_account AS k WHERE k.account = s.id AND k.wave = $6::integer)
     ORDER BY s.id
     LIMIT $4
)
SELECT COALESCE((SELECT pg_catalog.array_agg(f.id::text ORDER BY f.id) FROM free AS f), '{}') AS accounts,
       (SELECT b.high::text FROM bound AS b) AS last,
       (SELECT pg_catalog.count(*) FROM span) < $3 AS whole
