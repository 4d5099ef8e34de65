-- purpose: UI roles may read the settings of the accounts that they may see; nobody but the owner writes them.
-- role: owner
-- lock: ACCESS EXCLUSIVE keyward.account_setting
-- undo: ALTER TABLE keyward.account_setting DISABLE ROW LEVEL SECURITY;
{% import "enforce/_macros.sql" as m %}

REVOKE ALL ON TABLE keyward.account_setting FROM PUBLIC{% for role in grantees %}, {{ role }}{% endfor %};
{% if ui %}
GRANT SELECT ON TABLE keyward.account_setting TO {{ ui | idents }};
{% endif %}
-- not forced: the guards read this table as its owner, once for each row that they look at
ALTER TABLE keyward.account_setting ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS ui_reads ON keyward.account_setting;
{% if ui %}
CREATE POLICY ui_reads ON keyward.account_setting FOR SELECT TO {{ ui | idents }}
    USING ((SELECT keyward.acts_as_ui()) AND EXISTS (SELECT FROM {{ accounts.table }} AS a WHERE a.{{ accounts.id }} = account_setting.account));
{% endif %}
