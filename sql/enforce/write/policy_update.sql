-- purpose: The wall behind the guard: row-level security checks what rows become when updated by legacy roles.
-- lock: ACCESS EXCLUSIVE {{ write.table }}
-- undo: DROP POLICY {{ "~keyward_" ~ write.name ~ "_update" }} ON {{ write.table }};

DROP POLICY IF EXISTS {{ "~keyward_" ~ write.name ~ "_update" }} ON {{ write.table }};
CREATE POLICY {{ "~keyward_" ~ write.name ~ "_update" }} ON {{ write.table }} AS RESTRICTIVE FOR UPDATE TO {{ write.roles | idents }}
    -- true: hiding the old row would turn a clear error into zero rows, in silence
    USING (true) WITH CHECK (NOT {% if write.account.via %}keyward.{{ "enabled_of_" ~ write.name }}{% else %}keyward.is_enabled{% endif %}({{ write.account.column }}));
