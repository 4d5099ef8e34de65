-- purpose: What a plan's script begins with. psql stops at the first error; one runner at a time; the session is set as keyward's own are. What
--   was done before an error stays, each transaction with its rows in the ledger: make the plan again for the rest.
\set ON_ERROR_STOP on
{{ session }}
-- A lock that can't be had in this time stops the script, so that nobody queues behind it.
SET lock_timeout = '500ms';

DO $keyward$
BEGIN
    IF pg_catalog.current_database() <> {{ database | lit }} THEN
        RAISE EXCEPTION 'this script was made for the database %', {{ database | lit }};
    END IF;
    {% if refusals %}
    RAISE EXCEPTION USING MESSAGE = 'enforcement would not hold here: ' || {{ refusals | lit }}, HINT = 'keyward plan tells why, and the remedy of each';
    {% endif %}
    IF NOT pg_catalog.pg_try_advisory_lock({{ runner }}) THEN
        RAISE EXCEPTION 'another keyward is at work on this database';
    END IF;
END
$keyward$;

-- Enters a step in the ledger: its name, its SQL, its undo.
CREATE PROCEDURE pg_temp.keyward_enter(text, text, text) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $keyward$
BEGIN
    INSERT INTO keyward.ledger (version, manifest, accepted_risks, step, sql, undo)
    VALUES ({{ version | lit }}, {{ manifest | lit }}, {{ risks | lit }}::text[], $1, $2, $3);
END
$keyward$;

-- Records what the catalogue now says of an object: the kind, the identity, the checksum of the SQL that made it, its undo.
CREATE PROCEDURE pg_temp.keyward_record(text[], text, text, text) LANGUAGE plpgsql SET search_path = pg_catalog AS $keyward$
BEGIN
    INSERT INTO keyward.object AS o (identity, position, sha256, definition, undo)
    SELECT $2, (SELECT COALESCE(max(p.position), 0) + 1 FROM keyward.object AS p), $3,
           COALESCE((
               SELECT found.definition
                 FROM (
{{ objects }}
                      ) AS found
                WHERE $2 = found.kind || CASE
                          WHEN found.relation IS NOT NULL
                          THEN ' "' || replace(found.name, '"', '""') || '" on "' || replace(found.schema, '"', '""') || '"."' || replace(found.relation, '"', '""') || '"'
                          WHEN found.name IS NOT NULL THEN ' keyward."' || replace(found.name, '"', '""') || '"'
                          ELSE ' schema keyward' END), ''), $4
        ON CONFLICT (identity) DO UPDATE SET sha256 = excluded.sha256, definition = excluded.definition, undo = excluded.undo;
END
$keyward$;

-- Forgets an object that is gone.
CREATE PROCEDURE pg_temp.keyward_forget(text) LANGUAGE plpgsql SET search_path = pg_catalog AS $keyward$
BEGIN
    DELETE FROM keyward.object AS o WHERE o.identity = $1;
END
$keyward$;
