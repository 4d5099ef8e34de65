-- purpose: Expressions that the statements of the rollout share. Not run by itself.

{#- Whether an account is among the given hundredths of a percent: by a hash of its id's text, the same on every server and
    in every run, so that 5 percent lie within 10. -#}
{% macro member(id, points) %}
({{ points }} >= 10000 OR ('x' || pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(
    pg_catalog.convert_to({{ id }}::text, 'UTF8')), 'hex'), 1, 8))::bit(32)::bigint % 10000 < {{ points }})
{%- endmacro %}

{#- The rows of a key's table as b, with the row as v that leads to their account, where there is one; whose account can't be
    determined are among them. -#}
{% macro rows(key) %}
{{ key.table }} AS b{% if key.account.via %} LEFT JOIN {{ key.account.via }} AS v ON v.{{ key.account.via_id }} = b.{{ key.account.column }}{% endif %}
{%- endmacro %}

{#- The account of a row of `rows`. -#}
{% macro account(key) %}
{% if key.account.via %}v.{{ key.account.via_account }}{% else %}b.{{ key.account.column }}{% endif %}
{%- endmacro %}

{#- Whether the account of a row of `rows`, joined with its setting as s, has the setting on; `unknown` where it can't be
    determined. -#}
{% macro enabled(key, unknown) %}
CASE WHEN {{ account(key) }} IS NULL THEN {{ unknown }}
     ELSE COALESCE(s.enabled, (SELECT p.default_enabled FROM keyward.policy AS p), true) END
{%- endmacro %}
