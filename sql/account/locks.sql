-- purpose: The locks that opting out the accounts of an import needs, in the order in which everybody takes them, and how
--   many rows of account_setting it is then going to override: those of accounts that are enabled, or have sealed keys.
-- role: owner
{% import "account/_keys.sql" as k %}
{% import "enforce/_macros.sql" as m %}
SELECT l.class, l.number, count(*) FILTER (WHERE l.overrides) AS overrides
  FROM (SELECT x.class, x.number, x.overrides
          FROM (SELECT i.account, s.account IS NOT NULL AND (s.enabled OR s.source <> 'opt_out') AS overrides,
                       COALESCE(s.enabled, p.default_enabled)
{% for key in keys %}
                       OR i.account IN (SELECT {{ k.account(key) }} FROM {{ k.sealed(key) }})
{% endfor %}
                       AS needed
                  FROM pg_temp.keyward_import AS i
                  LEFT JOIN keyward.account_setting AS s ON s.account = i.account
                 CROSS JOIN keyward.policy AS p) AS y,
               LATERAL (SELECT c.class, c.number, y.overrides FROM (SELECT {{ m.setting_lock("y.account" | safe) }}) AS c (class, number)) AS x
         WHERE y.needed OR y.overrides) AS l
 GROUP BY l.class, l.number
 ORDER BY l.class, l.number
