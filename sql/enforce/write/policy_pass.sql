-- purpose: The table had no row-level security of its own: everybody whom the restrictive policies don't name passes as before.
-- lock: ACCESS EXCLUSIVE {{ write.table }}
-- undo: DROP POLICY {{ "~keyward_" ~ write.name ~ "_pass" }} ON {{ write.table }};

DROP POLICY IF EXISTS {{ "~keyward_" ~ write.name ~ "_pass" }} ON {{ write.table }};
CREATE POLICY {{ "~keyward_" ~ write.name ~ "_pass" }} ON {{ write.table }} FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
