-- purpose: How many keys there are to look for, up to a limit: those of the vault and those that are published. Never a key.

SELECT count(*) AS keys
  FROM (SELECT s.key FROM (
            {% if with_vault %}
            (SELECT v.{{ column }}::text AS key FROM {{ vault }} AS v LIMIT {{ most }})
            UNION
            {% endif %}
            (SELECT b.{{ column }}::text AS key FROM {{ table }} AS b WHERE b.{{ column }} IS NOT NULL LIMIT {{ most }})) AS s
         LIMIT {{ most }}) AS sampled
