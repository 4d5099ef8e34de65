-- Enters steps of a signed plan in the ledger, as ledger.sql does. $7 the keys that signed it.
INSERT INTO keyward.ledger (version, manifest, accepted_risks, step, sql, undo, signed_by)
SELECT $1::text, $2::text, $3::text[], s.step, s.sql, s.undo, $7::text[]
  FROM ROWS FROM (pg_catalog.unnest($4::text[]), pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::text[]))
       WITH ORDINALITY AS s (step, sql, undo, place)
 ORDER BY s.place
