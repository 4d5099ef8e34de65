-- id: write_all_data
-- control: no_legacy_writes
-- vector: UPDATE with pg_write_all_data
-- who: legacy
-- expects: stopped
-- where: update
-- needs: superuser
{% import "probe/_macros.sql" as m %}

-- set-up as runner:
GRANT pg_write_all_data TO {{ role }};

-- act:
{{ m.touch(at) }};

-- look:
{{ m.changed(at) }};
