-- purpose: Where the next chunk of a wave ends: at the account that is a span further on; NULL where there is none left.
-- parameters: $1 where the chunk before ended, or NULL; $2 the span; $3 the wave; $4 the waves that it undoes
-- role: owner
{% import "rollout/_macros.sql" as r %}

SELECT (SELECT y.id::text
          FROM (SELECT x.id FROM {{ r.source(accounts, of, "$3::integer" | safe, "$4::text[]::integer[]" | safe) }} AS x
                 WHERE $1::text IS NULL OR x.id > $1::text::{{ accounts.id_type }}
                 ORDER BY x.id
                 LIMIT $2) AS y
         ORDER BY y.id DESC
         LIMIT 1) AS high
