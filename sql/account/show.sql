-- purpose: The setting and the number of keys of each account in $1 (text[]) that there is, in that order.
-- role: owner
{% import "account/_keys.sql" as k %}
SELECT a.{{ accounts.id }}::text AS account,
       keyward.is_enabled(a.{{ accounts.id }}) AS enabled,
       s.source,
       pg_catalog.to_char(s.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS changed_at,
       s.changed_by,
       s.requested_by,
       s.reason,
       s.wave,
       '{}'::jsonb
{% for key in keys %}
       || pg_catalog.jsonb_build_object({{ key.name | lit }}, pg_catalog.jsonb_build_object(
              'sealed', (SELECT count(*) FROM {{ k.sealed(key) }} WHERE {{ k.account(key) }} = a.{{ accounts.id }}),
              'published', (SELECT count(*) FROM {{ k.rows(key) }} WHERE {{ k.account(key) }} = a.{{ accounts.id }} AND b.{{ key.column }} IS NOT NULL)))
{% endfor %}
       AS keys
  FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
  JOIN {{ accounts.table }} AS a ON a.{{ accounts.id }} = wanted.id::{{ id_type }}
  LEFT JOIN keyward.account_setting AS s ON s.account = a.{{ accounts.id }}
 ORDER BY wanted.place
