-- purpose: The manifest wants the keys of enabled accounts in a vault from now on: up to a thousand of them are sealed, again and again until
--   none is left, before API roles get the column back.
-- role: owner
-- lock: none
{% import "enforce/_macros.sql" as m %}

-- the guard turns this NULL into a seal
UPDATE {{ key.table }} AS b SET {{ key.column }} = NULL
 WHERE b.{{ key.column }} IS NOT NULL
   AND b.{{ key.id }} IN (
       SELECT c.{{ key.id }} FROM {{ key.table }} AS c
        WHERE c.{{ key.column }} IS NOT NULL
          AND (SELECT {{ m.effective("w.account" | safe) }} FROM (SELECT {{ m.account_of("c" | safe, key.account) }} AS account) AS w)
        LIMIT 1000)
RETURNING b.{{ key.id }}::text AS id;
