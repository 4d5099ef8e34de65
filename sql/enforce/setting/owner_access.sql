-- purpose: keyward's owner reads what tells a row's account, and reads and writes the key columns; nothing else.
-- lock: none
-- undo: REVOKE ALL ({{ target.columns | idents }}) ON TABLE {{ target.table }} FROM {{ owner }};

GRANT USAGE ON SCHEMA {{ target.schema }} TO {{ owner }};
GRANT SELECT ({{ target.columns | idents }}) ON TABLE {{ target.table }} TO {{ owner }};
{% if target.written %}
GRANT UPDATE ({{ target.written | idents }}) ON TABLE {{ target.table }} TO {{ owner }};
{% endif %}
