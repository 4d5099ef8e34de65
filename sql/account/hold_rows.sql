-- purpose: Locks the rows whose keys an import is going to publish, and counts those that another transaction has: they are not waited for,
--   since that one may be waiting for a row that is held by now.
-- role: owner
-- lock: FOR UPDATE SKIP LOCKED on the rows that are about to be written
{% import "account/_keys.sql" as k %}
SELECT 0
{% for key in keys %}
       + (SELECT count(*) FROM {{ k.sealed(key) }}
           WHERE {{ k.account(key) }} IN (SELECT i.account FROM pg_temp.keyward_import AS i))
       - (SELECT count(*)
            FROM (SELECT FROM {{ k.sealed(key) }}
                   WHERE {{ k.account(key) }} IN (SELECT i.account FROM pg_temp.keyward_import AS i)
                     FOR UPDATE OF b SKIP LOCKED) AS held)
{% endfor %}
       AS in_use
