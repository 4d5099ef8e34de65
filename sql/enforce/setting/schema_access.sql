-- purpose: The roles of the manifest may look up what is in schema keyward; each object says itself what they may do with it.
-- role: owner
-- lock: none
-- undo: REVOKE ALL ON SCHEMA keyward FROM {{ users | idents }};

REVOKE ALL ON SCHEMA keyward FROM PUBLIC{% for role in grantees %}, {{ role }}{% endfor %};
GRANT USAGE ON SCHEMA keyward TO {{ users | idents }};
