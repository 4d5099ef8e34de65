-- purpose: The wall behind the guard: row-level security checks what is inserted by legacy roles.
-- lock: ACCESS EXCLUSIVE {{ write.table }}
-- undo: DROP POLICY {{ "~keyward_" ~ write.name ~ "_insert" }} ON {{ write.table }};

DROP POLICY IF EXISTS {{ "~keyward_" ~ write.name ~ "_insert" }} ON {{ write.table }};
CREATE POLICY {{ "~keyward_" ~ write.name ~ "_insert" }} ON {{ write.table }} AS RESTRICTIVE FOR INSERT TO {{ write.roles | idents }}
    WITH CHECK (NOT {% if write.account.via %}keyward.{{ "enabled_of_" ~ write.name }}{% else %}keyward.is_enabled{% endif %}({{ write.account.column }}));
