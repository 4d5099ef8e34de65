-- Statements that several probes share. Not run by itself.

{#- Inserts the new row, its key included. -#}
{% macro insert(at) %}
INSERT INTO {{ row.table }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.values }})
{%- endmacro %}

{#- Inserts the new row without naming the key. -#}
{% macro insert_bare(at) %}
INSERT INTO {{ row.table }} ({{ at.bare_columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.bare_values }})
{%- endmacro %}

{#- Inserts the new row with NULL for its key: a default doesn't fill it in. Behind a wall the key can't be named. -#}
{% macro insert_null(at) %}
{%- if walled %}{{ insert_bare(at) }}{% else -%}
INSERT INTO {{ row.table }} ({{ at.columns }}) OVERRIDING SYSTEM VALUE VALUES ({{ at.null_values }})
{%- endif %}
{%- endmacro %}

{#- Touches a row, and changes nothing. -#}
{% macro touch(at) %}
UPDATE {{ row.table }} SET {{ row.link }} = {{ row.link }} WHERE {{ row.id }} = {{ at.id }}
{%- endmacro %}

{#- Moves a row to the account of another one. -#}
{% macro move(from, to) %}
UPDATE {{ row.table }} SET {{ row.link }} = {{ to.link }} WHERE {{ row.id }} = {{ from.id }}
{%- endmacro %}

{#- The new row has no key. No row at all is silence. -#}
{% macro new_row(at) %}
SELECT CASE WHEN b.{{ key.column }} IS NULL THEN 'stripped' ELSE 'bypassed' END AS v
  FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.new_id }}
{%- endmacro %}

{#- What became of a row that an attack wanted to give a key: none came about, and its own one is not lost: in the vault, or behind a wall in
    its column. -#}
{% macro kept(at) %}
{%- if walled %}
SELECT CASE WHEN b.{{ key.column }} {{ key.equals }} {{ at.key }} THEN 'stripped' ELSE 'bypassed' END AS v
  FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }}
{%- else %}
SELECT CASE WHEN b.{{ key.column }} {{ key.equals }} {{ at.new_key }} THEN 'bypassed'
            WHEN b.{{ key.column }} IS NOT NULL THEN CASE WHEN {{ at.is_on }} THEN 'bypassed' ELSE 'silent' END
            WHEN v.{{ key.column }} {{ key.equals }} {{ at.key }} THEN 'stripped'
            ELSE 'bypassed' END AS v
  FROM {{ key.table }} AS b LEFT JOIN keyward.{{ "vault_" ~ key.name }} AS v ON v.{{ key.id }} = b.{{ key.id }}
 WHERE b.{{ key.id }} = {{ at.id }}
{%- endif %}
{%- endmacro %}

{#- What became of a row that something else wanted to give a key: it has no other one than its own. -#}
{% macro not_given(at) %}
{%- if walled %}
{{- kept(at) }}
{%- else %}
SELECT CASE WHEN b.{{ key.column }} IS NULL THEN 'stripped'
            WHEN b.{{ key.column }} {{ key.equals }} {{ at.new_key }} OR {{ at.is_on }} THEN 'bypassed'
            ELSE 'silent' END AS v
  FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ at.id }}
{%- endif %}
{%- endmacro %}

{#- Where a UI role reads keys. -#}
{% macro source() %}
{% if walled %}{{ key.table }}{% else %}keyward.{{ "vault_" ~ key.name }}{% endif %}
{%- endmacro %}

{#- What became of a row that moved into the account: it has arrived, and its key is not lost. -#}
{% macro arrived(from, to) %}
{%- if walled %}
SELECT CASE WHEN b.{{ row.link }} IS DISTINCT FROM {{ to.link }} THEN 'silent'
            WHEN b.{{ key.column }} {{ key.equals }} {{ from.key }} THEN 'stripped'
            ELSE 'bypassed' END AS v
  FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ from.id }}
{%- else %}
SELECT CASE WHEN b.{{ row.link }} IS DISTINCT FROM {{ to.link }} THEN 'silent'
            WHEN b.{{ key.column }} IS NULL AND v.{{ key.column }} {{ key.equals }} {{ from.key }} THEN 'stripped'
            ELSE 'bypassed' END AS v
  FROM {{ key.table }} AS b LEFT JOIN keyward.{{ "vault_" ~ key.name }} AS v ON v.{{ key.id }} = b.{{ key.id }}
 WHERE b.{{ key.id }} = {{ from.id }}
{%- endif %}
{%- endmacro %}

{#- Whether the new row is there. -#}
{% macro inserted(at) %}
SELECT CASE WHEN EXISTS (SELECT FROM {{ row.table }} AS b WHERE b.{{ row.id }} = {{ at.new_id }}) THEN 'bypassed' ELSE 'silent' END AS v
{%- endmacro %}

{#- Whether a row is as it was, by its place in the table: every UPDATE gives it another one. -#}
{% macro changed(from) %}
SELECT CASE WHEN EXISTS (SELECT FROM {{ row.table }} AS b
                          WHERE b.{{ row.id }} = {{ from.id }} AND b.ctid = {{ from.ctid }} AND b.tableoid = {{ from.part_name | lit }}::pg_catalog.regclass)
            THEN 'silent' ELSE 'bypassed' END AS v
{%- endmacro %}

{#- Whether the account's setting is still on. -#}
{% macro still_on(at) %}
SELECT CASE WHEN keyward.is_enabled({{ at.account }}) THEN 'stopped' ELSE 'bypassed' END AS v
{%- endmacro %}
