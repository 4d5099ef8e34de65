-- The end of a wave ($1) for good, with what it has sealed of others' late keys ($2) and what it proved ($3). Touches no row if somebody has ended it.
UPDATE keyward.wave AS w
   SET state = 'done', stragglers = w.stragglers + $2, parameters = w.parameters || $3::text::jsonb, ended_at = pg_catalog.clock_timestamp()
 WHERE w.id = $1 AND w.state = 'running'
