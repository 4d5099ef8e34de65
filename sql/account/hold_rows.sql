-- purpose: Locks the rows whose keys an import is going to publish, or fails at once (55P03) if another transaction has one of them: that one
--   may be waiting for the locks of the import, and the two would wait for each other.
-- role: owner
-- lock: FOR UPDATE on the rows that are about to be written
{% import "account/_keys.sql" as k %}
SELECT 0
{% for key in keys %}
       + (SELECT count(*)
            FROM (SELECT FROM {{ k.sealed(key) }}
                   WHERE {{ k.account(key) }} IN (SELECT i.account FROM pg_temp.keyward_import AS i)
                     FOR UPDATE OF b NOWAIT) AS held)
{% endfor %}
       AS rows
