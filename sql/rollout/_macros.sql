-- purpose: Expressions that the statements of the rollout share. Not run by itself.

{#- Whether an account is among the given hundredths of a percent: by a hash of its id's text, the same on every server and
    in every run, so that 5 percent lie within 10. -#}
{% macro member(id, points) %}
({{ points }} >= 10000 OR ('x' || pg_catalog.substr(pg_catalog.encode(pg_catalog.sha256(
    pg_catalog.convert_to({{ id }}::text, 'UTF8')), 'hex'), 1, 8))::bit(32)::bigint % 10000 < {{ points }})
{%- endmacro %}

{#- The account ids that a wave goes through: all of them; those of its list; or those whose setting the waves to be undone made. -#}
{% macro source(accounts, of, wave, undone) %}
{% if of == "list" %}
(SELECT l.account AS id FROM keyward.wave_account AS l WHERE l.wave = {{ wave }})
{%- elif of == "settings" %}
(SELECT m.account AS id FROM keyward.account_setting AS m WHERE m.wave = ANY ({{ undone }}) AND m.source = 'rollout')
{%- else %}
(SELECT a.{{ accounts.id }} AS id FROM {{ accounts.table }} AS a)
{%- endif %}
{%- endmacro %}

{#- Whether an account has no setting but one that a finish left off because it was parked. -#}
{% macro undecided(setting) %}
({{ setting }}.account IS NULL OR {{ setting }}.source = 'rollout' AND NOT {{ setting }}.enabled)
{%- endmacro %}

{#- Whether somebody holds an advisory lock of keyward's: a process in a wave (1801812346), a worker (1801812344). It ends with the session. -#}
{% macro held(class, id) %}
EXISTS (SELECT FROM pg_catalog.pg_locks AS h
         WHERE h.locktype = 'advisory' AND h.granted AND h.objsubid = 2 AND h.classid = {{ class }}::oid AND h.objid = {{ id }}::oid
           AND h.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()))
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
