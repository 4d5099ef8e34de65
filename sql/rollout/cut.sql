-- purpose: Where the next chunk of a wave ends: at the account that is a span further on; NULL where there is none left.
-- parameters: $1 where the chunk before ended, or NULL; $2 the span; $3 the wave; $4 the waves that it undoes
-- role: owner
{% import "rollout/_macros.sql" as r %}

-- the account a span further on, or else the last one there is
SELECT COALESCE(
           (SELECT x.id::text FROM {{ r.source(accounts, of, "$3::integer" | safe, "$4::text[]::integer[]" | safe) }} AS x
             WHERE $1::text IS NULL OR x.id > $1::text::{{ accounts.id_type }}
             ORDER BY x.id
            OFFSET $2 - 1 LIMIT 1),
           (SELECT x.id::text FROM {{ r.source(accounts, of, "$3::integer" | safe, "$4::text[]::integer[]" | safe) }} AS x
             WHERE $1::text IS NULL OR x.id > $1::text::{{ accounts.id_type }}
             ORDER BY x.id DESC
             LIMIT 1)) AS high
