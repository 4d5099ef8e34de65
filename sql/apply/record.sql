-- Records what is installed: $1 identities, $2 checksums of the SQL that made them, $3 what the catalogue says of them, $4 their
-- undo. An object that is recorded already keeps its place in the order of installation.
INSERT INTO keyward.object AS o (identity, position, sha256, definition, undo)
SELECT s.identity, (SELECT COALESCE(max(p.position), 0) FROM keyward.object AS p) + s.place, s.sha256, s.definition, s.undo
  FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[]))
       WITH ORDINALITY AS s (identity, sha256, definition, undo, place)
    ON CONFLICT (identity) DO UPDATE SET sha256 = excluded.sha256, definition = excluded.definition, undo = excluded.undo
