-- purpose: The rows of an import that can't be carried out, by line: the first $1, and how many there are.
-- role: owner
SELECT p.line, p.given, p.kind, p.first, count(*) OVER () AS total
  FROM (SELECT i.line, i.given, i.first,
               CASE WHEN i.account IS NULL THEN 'malformed'
                    WHEN a.{{ accounts.id }} IS NULL THEN 'unknown'
                    WHEN i.line <> i.first THEN 'duplicate' END AS kind
          FROM (SELECT *, min(j.line) OVER (PARTITION BY j.account) AS first FROM pg_temp.keyward_import AS j) AS i
          LEFT JOIN {{ accounts.table }} AS a ON a.{{ accounts.id }} = i.account) AS p
 WHERE p.kind IS NOT NULL
 ORDER BY p.line
 LIMIT $1
