-- Expressions that several queries on accounts share.
{#- The rows of a key's table, as b, with what leads to their account. -#}
{% macro rows(key) %}
{{ key.table }} AS b{% if key.via %} JOIN {{ key.via }} AS h ON h.{{ key.via_id }} = b.{{ key.account }}{% endif %}
{%- endmacro %}

{#- The account of such a row. -#}
{% macro account(key) %}
{% if key.via %}h.{{ key.via_account }}{% else %}b.{{ key.account }}{% endif %}
{%- endmacro %}

{#- The rows of a key's table whose key is sealed. -#}
{% macro sealed(key) %}
{{ rows(key) }} JOIN keyward.{{ "vault_" ~ key.name }} AS v ON v.{{ key.id }} = b.{{ key.id }}
{%- endmacro %}
