-- purpose: TRIGGER lets a role see what others write, REFERENCES lets it guess values, TRUNCATE passes by row triggers and policies:
--   none of them is for a role that keyward holds at a distance.
-- lock: none
-- hazard: revokes_privileges
-- undo: GRANT {% for p in target.former %}{{ p }}{% if not loop.last %}, {% endif %}{% endfor %} ON TABLE {{ target.table }} TO {{ target.grantee }};

REVOKE {% for p in target.privileges %}{{ p }}{% if not loop.last %}, {% endif %}{% endfor %} ON TABLE {{ target.table }} FROM {{ target.grantee }};
