-- id: KW315
-- severity: warning
-- title: a logical replication slot decodes this database
-- why: Whoever reads the slot gets each change of every table that its plugin lets through, the vault's included.
-- remedy: Make sure that its reader leaves the key columns and the schema keyward out; drop it, if nobody reads it.

SELECT pg_catalog.format('slot %s', s.slot_name) AS object,
       pg_catalog.format('Its plugin is %s; %s', s.plugin, CASE WHEN s.active THEN 'somebody reads it.' ELSE 'nobody reads it now.' END) AS detail,
       pg_catalog.format('SELECT pg_drop_replication_slot(%L);', s.slot_name) AS remedy
  FROM pg_catalog.pg_replication_slots AS s
 -- pgoutput sends what publications say, and these are looked at one by one
 WHERE s.slot_type = 'logical' AND s.database = pg_catalog.current_database() AND s.plugin <> 'pgoutput' AND NOT s.temporary
 ORDER BY 1
