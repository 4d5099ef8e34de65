-- purpose: How many of the rows have a sealed key and no published one.
-- parameters: $1 the rows' ids
-- role: owner

SELECT pg_catalog.count(*) AS rows
  FROM keyward.{{ "vault_" ~ key.name }} AS v
  JOIN {{ key.table }} AS b ON b.{{ key.id }} = v.{{ key.id }}
 WHERE v.{{ key.id }} = ANY ($1::text[]::{{ key.id_type }}[]) AND b.{{ key.column }} IS NULL
