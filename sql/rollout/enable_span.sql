-- purpose: The same as claim and enable in one statement, for a site without keys: the ids never leave the server. Answers with a JSON document.
--   An account that gets a setting of its own in the meantime makes it fail with 23505, and is then dealt with by claim and enable.
-- parameters: as claim; $8 who runs it
-- role: owner
{% import "rollout/_macros.sql" as r %}

{#- What to look at: as many accounts as $3 says, or all that are left of the chunk. Asked of the index once for its end and once for the
    ids, which costs less than to keep the ids in between. -#}
{% macro span(id) %}
($1::text IS NULL OR {{ id }} > $1::text::{{ accounts.id_type }})
       AND {{ id }} <= COALESCE((SELECT b.high FROM bound AS b), $2::text::{{ accounts.id_type }})
{%- endmacro %}

WITH bound AS MATERIALIZED (
    SELECT x.id AS high
      FROM {{ r.source(accounts, of, "$6::integer" | safe, "$7::text[]::integer[]" | safe) }} AS x
     WHERE ($1::text IS NULL OR x.id > $1::text::{{ accounts.id_type }}) AND x.id <= $2::text::{{ accounts.id_type }}
     ORDER BY x.id
    OFFSET $3 - 1
     LIMIT 1
), made AS (
    -- without ON CONFLICT, which looks up and confirms each row: half as quick again
    INSERT INTO keyward.account_setting AS s (account, enabled, source, changed_by, wave)
    SELECT f.id, true, 'rollout', $8::text, $6::integer
      FROM (SELECT x.id
              FROM {{ r.source(accounts, of, "$6::integer" | safe, "$7::text[]::integer[]" | safe) }} AS x
             WHERE {{ span("x.id" | safe) }}
               AND {{ r.member("x.id" | safe, "$5::bigint" | safe) }}
               AND NOT EXISTS (
                   SELECT FROM keyward.account_setting AS t
                    -- the range once more: without it every batch would hash the settings of all accounts
                    WHERE t.account = x.id AND NOT {{ r.undecided("t" | safe) }} AND {{ span("t.account" | safe) }})
               AND NOT EXISTS (SELECT FROM keyward.parked_account AS k WHERE k.account = x.id AND k.wave = $6::integer)
             ORDER BY x.id
             LIMIT $4) AS f
    RETURNING s.account
)
SELECT pg_catalog.jsonb_build_object(
           'enabled', (SELECT pg_catalog.count(*) FROM made),
           'last_enabled', (SELECT m.account::text FROM made AS m ORDER BY m.account DESC LIMIT 1),
           -- NULL where less was left of the chunk
           'last', (SELECT b.high::text FROM bound AS b))::text;
