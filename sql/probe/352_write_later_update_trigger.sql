-- id: write_later_update_trigger
-- control: no_legacy_writes
-- vector: a BEFORE UPDATE trigger that sorts after the guard puts the row into the account
-- who: legacy
-- expects: stopped
-- where: update, moves, spare, stays
-- lock: SHARE ROW EXCLUSIVE
{% import "probe/_macros.sql" as m %}

-- set-up:
CREATE FUNCTION pg_temp.keyward_probe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $keyward$ BEGIN NEW.{{ row.link }} := {{ at.link }}; RETURN NEW; END $keyward$;
CREATE TRIGGER "~~keyward_probe" BEFORE UPDATE ON {{ row.table }} FOR EACH ROW EXECUTE FUNCTION pg_temp.keyward_probe();

-- act:
{{ m.touch(other) }};

-- look:
SELECT CASE WHEN EXISTS (SELECT FROM {{ row.table }} AS b WHERE b.{{ row.id }} = {{ other.id }} AND b.{{ row.link }} = {{ at.link }}) THEN 'bypassed' ELSE 'silent' END AS v;
