-- purpose: Publishes the sealed keys of an import's accounts, a thousand accounts at a time. Their rows of account_setting are locked by now.
-- role: owner
{% import "account/_keys.sql" as k %}
SELECT 0
{% for key in keys %}
       + (SELECT COALESCE(sum(keyward.{{ "publish_" ~ key.name }}(part.accounts)), 0)::bigint
            FROM (SELECT pg_catalog.array_agg(o.account) AS accounts
                    FROM (SELECT i.account, row_number() OVER (ORDER BY i.account) / 1000 AS part
                            FROM pg_temp.keyward_import AS i
                           WHERE i.account IN (SELECT {{ k.account(key) }} FROM {{ k.sealed(key) }})) AS o
                   GROUP BY o.part) AS part)
{% endfor %}
       AS keys
