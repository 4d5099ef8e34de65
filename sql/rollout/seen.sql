-- What workers ($1) are doing ($2: their states, $3: why they wait, NULL if they don't), and what they have done ($4 accounts, $5 keys).
UPDATE keyward.worker AS w
   SET seen_at = pg_catalog.clock_timestamp(), state = s.state, why = s.why, accounts = s.accounts::bigint, keys = s.keys::bigint
  FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]),
                  pg_catalog.unnest($4::text[]), pg_catalog.unnest($5::text[])) AS s (id, state, why, accounts, keys)
 WHERE w.id = s.id::integer
