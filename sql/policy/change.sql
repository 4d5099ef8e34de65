-- Sets the policy's mode to $1, on behalf of the role $2.
UPDATE keyward.policy
   SET mode = $1::text, changed_at = pg_catalog.now(), mode_changed_at = pg_catalog.now(), mode_changed_by = $2::text
