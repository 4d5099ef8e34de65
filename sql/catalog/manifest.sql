-- The manifest that was applied last. Only where keyward.manifest exists.
SELECT m.document, m.sha256, m.applied_at, m.applied_by FROM keyward.manifest AS m ORDER BY m.id DESC LIMIT 1
