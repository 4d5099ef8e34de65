-- purpose: Expressions that several checks share. Not run by itself.

{#- A list of names as an array. -#}
{% macro names(list) %}
ARRAY[{% for name in list %}{{ name | lit }}{% if not loop.last %}, {% endif %}{% endfor %}]::pg_catalog.name[]
{%- endmacro %}

{#- The key columns that the manifest names, as the catalogue knows them: `tab` and `col` are names for people. -#}
{% macro key_columns(keys) %}
(SELECT v.name, v.walled, c.oid AS relid, a.attnum, a.attname, n.nspname, c.relname,
        pg_catalog.format('%I.%I', n.nspname, c.relname) AS tab,
        pg_catalog.format('%I.%I.%I', n.nspname, c.relname, a.attname) AS col
   FROM (VALUES {% for key in keys %}({{ key.name | lit }}, {{ key.quoted | lit }}, {{ key.column | lit }}, {% if key.walled %}true{% else %}false{% endif %}){% if not loop.last %}, {% endif %}{% endfor %}) AS v (name, quoted, attname, walled)
   JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(v.quoted)
   JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = v.attname)
{%- endmacro %}

{#- Those with hide = "revoke", on the table and on each of its partitions. -#}
{% macro walled_columns(keys) %}
(SELECT k.name, k.tab, k.col, a.attrelid AS relid, a.attnum
   FROM {{ key_columns(keys) }} AS k
  CROSS JOIN LATERAL (SELECT k.relid UNION SELECT tree.relid FROM pg_catalog.pg_partition_tree(k.relid) AS tree) AS part (relid)
   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = part.relid AND a.attname = k.attname
  WHERE k.walled)
{%- endmacro %}

{#- The tables that the manifest protects, with their schemas' owners. -#}
{% macro protected(tables) %}
(SELECT c.oid AS relid, n.oid AS nspoid, n.nspname, n.nspowner, pg_catalog.format('%I.%I', n.nspname, c.relname) AS tab
   FROM (VALUES {% for name in tables %}({{ name | lit }}){% if not loop.last %}, {% endif %}{% endfor %}) AS v (quoted)
   JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(v.quoted)
   JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace)
{%- endmacro %}
