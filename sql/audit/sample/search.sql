-- purpose: How many of the sampled keys each text-like column of a table holds, in its first ten thousand rows: as the whole value, or, for
--   keys of twelve characters and more, somewhere within. Never a key.

WITH keys AS MATERIALIZED (
    SELECT s.key FROM (
        {% if with_vault %}
        (SELECT v.{{ column }}::text AS key FROM {{ vault }} AS v LIMIT {{ most }})
        UNION
        {% endif %}
        (SELECT b.{{ column }}::text AS key FROM {{ table }} AS b WHERE b.{{ column }} IS NOT NULL LIMIT {{ most }})) AS s
     LIMIT {{ most }}
), texts AS MATERIALIZED (
    {% for name in columns %}
    {% if not loop.first %}UNION ALL {% endif %}SELECT DISTINCT {{ loop.index0 }} AS at, o.value
      FROM (SELECT f.{{ name }}::text AS value FROM {{ target }} AS f LIMIT 10000) AS o
     WHERE o.value IS NOT NULL
    {% endfor %}
)
SELECT t.at, count(DISTINCT k.key) AS keys
  FROM texts AS t
  JOIN keys AS k ON k.key = t.value OR pg_catalog.length(k.key) >= 12 AND pg_catalog.strpos(t.value, k.key) > 0
 WHERE pg_catalog.length(k.key) >= 4
 GROUP BY t.at
 ORDER BY t.at
