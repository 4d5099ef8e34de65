-- purpose: The same as claim and enable in one statement, for a site without keys: the ids never leave the server. Answers with a JSON document.
--   An account that gets a setting of its own in the meantime makes it fail with 23505, and is then dealt with by claim and enable.
-- parameters: as claim; $8 who runs it
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
), free AS MATERIALIZED (
    SELECT s.id
      FROM span AS s
     WHERE {{ r.member("s.id" | safe, "$5::bigint" | safe) }}
       AND NOT EXISTS (
           SELECT FROM keyward.account_setting AS t
            WHERE t.account = s.id AND NOT {{ r.undecided("t" | safe) }}
              -- the range once more: without it every batch would hash the settings of all accounts
              AND ($1::text IS NULL OR t.account > $1::text::{{ accounts.id_type }}) AND t.account <= (SELECT b.high FROM bound AS b))
       AND NOT EXISTS (SELECT FROM keyward.parked_account AS k WHERE k.account = s.id AND k.wave = $6::integer)
     ORDER BY s.id
     LIMIT $4
), made AS (
    -- without ON CONFLICT, which looks up and confirms each row: half as quick again
    INSERT INTO keyward.account_setting AS s (account, enabled, source, changed_by, wave)
    SELECT f.id, true, 'rollout', $8::text, $6::integer
      FROM free AS f
     ORDER BY f.id
    RETURNING 1
)
SELECT pg_catalog.jsonb_build_object(
           'claimed', (SELECT pg_catalog.count(*) FROM free),
           'enabled', (SELECT pg_catalog.count(*) FROM made),
           'last_claimed', (SELECT f.id::text FROM free AS f ORDER BY f.id DESC LIMIT 1),
           'last', (SELECT b.high::text FROM bound AS b),
           'whole', (SELECT pg_catalog.count(*) FROM span) < $3)::text
