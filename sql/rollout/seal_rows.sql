-- purpose: Seals rows that are locked and whose accounts' settings are held, where the setting is still on. Returns their ids.
-- parameters: $1 the rows' ids
-- role: owner
{% import "enforce/_macros.sql" as m %}

-- the guard turns this NULL into a seal
UPDATE {{ key.table }} AS b SET {{ key.column }} = NULL
 WHERE b.{{ key.id }} = ANY ($1::text[]::{{ key.id_type }}[])
   AND b.{{ key.column }} IS NOT NULL
   AND (SELECT {{ m.effective("w.account" | safe) }} FROM (SELECT {{ m.account_of("b" | safe, key.account) }} AS account) AS w)
RETURNING b.{{ key.id }}::text AS id
