-- id: key_hints
-- control: no_automatic_key
-- vector: forges the guard's own session variables
-- who: api, ui
-- expects: withheld
-- lends: INSERT
{% import "probe/_macros.sql" as m %}

-- act:
SELECT pg_catalog.set_config(name, value, true)
  FROM (VALUES ({{ ("keyward.stated_" ~ key.name) | lit }}, ':' || {{ at.new_id }}::text), ({{ ("keyward.revoke_" ~ key.name) | lit }}, ':' || {{ at.new_id }}::text),
               ({{ ("keyward.withheld_" ~ key.name) | lit }}, 'x')) AS hint (name, value);
{{ m.insert(at) }};

-- look as owner:
{{ m.new_row(at) }};
