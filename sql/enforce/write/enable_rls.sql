-- purpose: Turns row-level security on for {{ write.table }}. COPY FROM by a role that is subject to it fails from now on (0A000).
-- lock: ACCESS EXCLUSIVE {{ write.table }}
-- hazard: enables_rls
-- undo: ALTER TABLE {{ write.table }} DISABLE ROW LEVEL SECURITY;

ALTER TABLE {{ write.table }} ENABLE ROW LEVEL SECURITY;
