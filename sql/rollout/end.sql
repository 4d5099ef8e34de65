-- The end of a wave ($1) for now or for good ($2: stopped or done), with what it has sealed of others' late keys ($3) and what it proved ($4).
UPDATE keyward.wave AS w
   SET state = $2, stragglers = w.stragglers + $3, parameters = w.parameters || $4::text::jsonb, ended_at = pg_catalog.clock_timestamp()
 WHERE w.id = $1
