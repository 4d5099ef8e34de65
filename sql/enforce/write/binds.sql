-- purpose: Whether who is acting is held by {{ write.name }}: has the privileges of one of its roles. For the WHEN clauses of its triggers.
-- role: owner
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "binds_" ~ write.name }}();
{% import "enforce/_macros.sql" as m %}

-- A WHEN clause is read, planned and made ready anew for each statement: written out there, this costs five times as much. Setting search_path
-- would cost as much again, so that every name, type and operator is qualified instead. It runs as whoever writes, hence PUBLIC, and tells
-- only what pg_has_role tells anybody.
CREATE OR REPLACE FUNCTION keyward.{{ "binds_" ~ write.name }}() RETURNS pg_catalog.bool
    LANGUAGE plpgsql STABLE
AS $keyward$
BEGIN
    RETURN COALESCE(
{%- for role in write.roles %}
{% if not loop.first %} OR {% endif %}pg_catalog.pg_has_role(
            CASE WHEN pg_catalog.current_setting('role') OPERATOR(pg_catalog.=) 'none' THEN SESSION_USER ELSE pg_catalog.current_setting('role')::pg_catalog.name END,
            pg_catalog.to_regrole({{ (role | ident) | lit }})::pg_catalog.oid, 'USAGE')
{%- endfor %}
, false);
END
$keyward$;
{{ m.execute_by_anybody("keyward." | safe ~ ("binds_" ~ write.name) ~ "()" | safe, grantees) }}
