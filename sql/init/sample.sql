-- purpose: What a few hundred values of a column look like, told in numbers: how many differ, how long they are, how random their characters.
--   Never a value; a prefix that all of at least twenty different values share, up to an underscore or a hyphen, is none.
WITH picked AS MATERIALIZED (
    SELECT pg_catalog.left(s.{{ column }}::text, 512) COLLATE "C" AS value
      FROM {{ table }} AS s{% if percent %} TABLESAMPLE SYSTEM ({{ percent }}){% endif %}

     WHERE s.{{ column }} IS NOT NULL
     LIMIT 500
), characters AS (
    SELECT c.character, count(*)::double precision AS times
      FROM picked AS p, pg_catalog.regexp_split_to_table(p.value, '') AS c (character)
     GROUP BY c.character
), ends AS (
    SELECT min(p.value) AS first, max(p.value) AS last, count(DISTINCT p.value) AS different FROM picked AS p
), shared AS (
    SELECT pg_catalog.substring(pg_catalog.left(e.first, n.length), '^[A-Za-z0-9_-]*[_-]') AS prefix
      FROM ends AS e, pg_catalog.generate_series(1, 12) AS n (length)
     WHERE e.different >= 20 AND pg_catalog.left(e.first, n.length) = pg_catalog.left(e.last, n.length)
     ORDER BY n.length DESC
     LIMIT 1
)
SELECT count(*) AS taken,
       count(DISTINCT p.value) AS different,
       COALESCE(min(pg_catalog.length(p.value)), 0) AS shortest,
       COALESCE(max(pg_catalog.length(p.value)), 0) AS longest,
       count(*) FILTER (WHERE p.value ~ '^[A-Za-z0-9_.~+/=:-]+$' AND p.value ~ '[0-9]' AND p.value ~ '[A-Za-z]') AS token_like,
       COALESCE((SELECT -sum(c.times / t.total * pg_catalog.ln(c.times / t.total) / pg_catalog.ln(2.0::double precision))
                   FROM characters AS c, (SELECT sum(x.times) AS total FROM characters AS x) AS t), 0) AS bits,
       (SELECT s.prefix FROM shared AS s) AS prefix
  FROM picked AS p
