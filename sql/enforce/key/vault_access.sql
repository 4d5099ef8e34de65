-- purpose: A UI role sees exactly the sealed keys whose rows it may see in {{ key.table }}; any other role sees none, whatever it is granted.
-- role: owner
-- lock: ACCESS EXCLUSIVE keyward.{{ "vault_" ~ key.name }}
-- undo: REVOKE ALL ON TABLE keyward.{{ "vault_" ~ key.name }} FROM {{ ui | idents }};

REVOKE ALL ON TABLE keyward.{{ "vault_" ~ key.name }} FROM PUBLIC{% for role in grantees %}, {{ role }}{% endfor %};
GRANT SELECT ON TABLE keyward.{{ "vault_" ~ key.name }} TO {{ ui | idents }};
ALTER TABLE keyward.{{ "vault_" ~ key.name }} ENABLE ROW LEVEL SECURITY;
ALTER TABLE keyward.{{ "vault_" ~ key.name }} FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS owner_moves_keys ON keyward.{{ "vault_" ~ key.name }};
CREATE POLICY owner_moves_keys ON keyward.{{ "vault_" ~ key.name }} FOR ALL TO {{ owner }} USING (true) WITH CHECK (true);
DROP POLICY IF EXISTS ui_reads ON keyward.{{ "vault_" ~ key.name }};
-- the sub-select runs as the reader: its own row-level security decides
CREATE POLICY ui_reads ON keyward.{{ "vault_" ~ key.name }} FOR SELECT TO {{ ui | idents }}
    USING ((SELECT keyward.acts_as_ui())
           AND EXISTS (SELECT FROM {{ key.table }} AS b WHERE b.{{ key.id }} = {{ "vault_" ~ key.name }}.{{ key.id }}));
