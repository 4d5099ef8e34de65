-- purpose: What {{ target.grantee }} may do with the whole of {{ target.table }}, it may do with every column but the key. PostgreSQL adds
--   privileges up, so a privilege on the table must go before one on columns can say less.
-- lock: none
-- hazard: breaks_select_star
-- undo: {% if target.widened %}REVOKE {{ target.widened }} ON TABLE {{ target.table }} FROM {{ target.grantee }};{% endif %}{% if target.former %} GRANT {{ target.former }} ON TABLE {{ target.table }} TO {{ target.grantee }};{% endif %}{% if target.former_grantable %} GRANT {{ target.former_grantable }} ON TABLE {{ target.table }} TO {{ target.grantee }} WITH GRANT OPTION;{% endif %}


{% if target.whole %}
REVOKE {{ target.whole }} ON TABLE {{ target.table }} FROM {{ target.grantee }};
{% endif %}
{% if target.keys %}
REVOKE {{ target.keys }} ON TABLE {{ target.table }} FROM {{ target.grantee }};
{% endif %}
{% if target.columns %}
GRANT {{ target.columns }} ON TABLE {{ target.table }} TO {{ target.grantee }};
{% endif %}
{% if target.grantable %}
GRANT {{ target.grantable }} ON TABLE {{ target.table }} TO {{ target.grantee }} WITH GRANT OPTION;
{% endif %}
