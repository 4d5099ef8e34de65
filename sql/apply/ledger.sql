-- Enters steps in the ledger, in the transaction that carries them out. $1 keyward's version, $2 the manifest's checksum, $3 the
-- accepted risks; $4 steps, $5 their SQL, $6 their undo.
INSERT INTO keyward.ledger (version, manifest, accepted_risks, step, sql, undo)
SELECT $1::text, $2::text, $3::text[], s.step, s.sql, s.undo
  FROM ROWS FROM (pg_catalog.unnest($4::text[]), pg_catalog.unnest($5::text[]), pg_catalog.unnest($6::text[]))
       WITH ORDINALITY AS s (step, sql, undo, place)
 ORDER BY s.place
