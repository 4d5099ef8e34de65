-- purpose: Takes the statistics of {{ key.table }} anew after keys were sealed, since the former ones still show keys, as most common and
--   as boundary values, to every role that may read the column. Returns false where a VACUUM or ANALYZE is in the way. The function
--   belongs to the role that applied it, since only an owner of the table may ANALYZE it.
-- lock: none
-- undo: DROP FUNCTION keyward.{{ "analyze_" ~ key.name }}();

DROP FUNCTION IF EXISTS keyward.{{ "analyze_" ~ key.name }}();
CREATE FUNCTION keyward.{{ "analyze_" ~ key.name }}() RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    -- longer than deadlock_timeout, after which an autovacuum that is in the way gives up; nobody who reads or writes waits behind this
    SET lock_timeout = '2s'
AS $keyward$
#variable_conflict use_variable
BEGIN
    -- all columns: the statistics of an index on an expression may hold keys as well
    ANALYZE {{ key.table }};
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$keyward$;
REVOKE ALL ON FUNCTION keyward.{{ "analyze_" ~ key.name }}() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keyward.{{ "analyze_" ~ key.name }}() TO {{ owner }};
