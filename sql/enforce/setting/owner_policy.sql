-- purpose: The table has row-level security: keyward's owner must see every row of it, or keys would be missed in silence.
-- lock: ACCESS EXCLUSIVE {{ target.table }}
-- undo: DROP POLICY "~keyward_owner" ON {{ target.table }};

DROP POLICY IF EXISTS "~keyward_owner" ON {{ target.table }};
CREATE POLICY "~keyward_owner" ON {{ target.table }} FOR ALL TO {{ owner }} USING (true) WITH CHECK (true);
