-- Whether there is a ledger, and whether it has room for who signed: one of an earlier keyward has not, until its base tables are brought up to date.
SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS c
                WHERE c.relname = 'object' AND c.relnamespace = pg_catalog.to_regnamespace('keyward')) AS there,
       EXISTS (SELECT FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
                WHERE c.relname = 'ledger' AND c.relnamespace = pg_catalog.to_regnamespace('keyward')
                  AND a.attname = 'signed_by' AND NOT a.attisdropped) AS has_signers
