-- purpose: UI roles may ask for a change of the setting of accounts that they may see.
-- role: owner
-- lock: ACCESS EXCLUSIVE keyward.setting_change
-- undo: ALTER TABLE keyward.setting_change DISABLE ROW LEVEL SECURITY;

REVOKE ALL ON TABLE keyward.setting_change FROM PUBLIC{% for role in grantees %}, {{ role }}{% endfor %};
{% if ui %}
GRANT SELECT (id), INSERT (account, enabled, reason, requested_by) ON TABLE keyward.setting_change TO {{ ui | idents }};
{% endif %}
ALTER TABLE keyward.setting_change ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS ui_asks ON keyward.setting_change;
{% if ui %}
CREATE POLICY ui_asks ON keyward.setting_change FOR INSERT TO {{ ui | idents }}
    WITH CHECK ((SELECT keyward.acts_as_ui()) AND EXISTS (SELECT FROM {{ accounts.table }} AS a WHERE a.{{ accounts.id }} = setting_change.account));
{% endif %}
-- RETURNING needs to see the row
DROP POLICY IF EXISTS ui_reads ON keyward.setting_change;
{% if ui %}
CREATE POLICY ui_reads ON keyward.setting_change FOR SELECT TO {{ ui | idents }}
    USING ((SELECT keyward.acts_as_ui()) AND EXISTS (SELECT FROM {{ accounts.table }} AS a WHERE a.{{ accounts.id }} = setting_change.account));
{% endif %}
