-- The keys of a table: how many are sealed, and how many lie open in a row whose account is enabled, where they should not be.
-- A row whose account can't be determined counts as the guards count it. The settings are joined, not looked up per row.
SELECT (SELECT count(*) FROM keyward.{{ "vault_" ~ name }}) AS sealed,
       (SELECT count(*)
          FROM {{ table }} AS b
          {% if via %}
          LEFT JOIN {{ via }} AS v ON v.{{ via_id }} = b.{{ account }}
          LEFT JOIN keyward.account_setting AS s ON s.account = v.{{ via_account }}
          {% else %}
          LEFT JOIN keyward.account_setting AS s ON s.account = b.{{ account }}
          {% endif %}
         CROSS JOIN (SELECT p.default_enabled,
                            p.default_enabled OR p.new_accounts_enabled
                            OR EXISTS (SELECT FROM keyward.account_setting AS e WHERE e.enabled) AS unknown_enabled
                       FROM keyward.policy AS p) AS rule
         WHERE b.{{ key }} IS NOT NULL
           AND COALESCE(s.enabled, CASE WHEN {% if via %}v.{{ via_account }}{% else %}b.{{ account }}{% endif %} IS NULL
                                        THEN rule.unknown_enabled ELSE rule.default_enabled END)) AS published_enabled
