-- id: write_bypass_rls
-- control: no_legacy_writes
-- vector: INSERT with BYPASSRLS
-- who: legacy
-- expects: stopped
-- where: insert
-- needs: superuser
{% import "probe/_macros.sql" as m %}

-- set-up as runner:
ALTER ROLE {{ role }} BYPASSRLS;

-- act:
{{ m.insert(at) }};

-- look:
{{ m.inserted(at) }};
