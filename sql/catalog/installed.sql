-- What keyward recorded when it installed things. Only where its tables exist.
SELECT (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(o) ORDER BY o.position, o.identity), '[]') FROM keyward.object AS o) AS objects,
       (SELECT m.document FROM keyward.manifest AS m ORDER BY m.id DESC LIMIT 1) AS manifest,
       (SELECT m.sha256 FROM keyward.manifest AS m ORDER BY m.id DESC LIMIT 1) AS manifest_sha256,
       (SELECT p.mode FROM keyward.policy AS p) AS mode,
       (SELECT COALESCE(pg_catalog.jsonb_agg(h.version ORDER BY h.version), '[]') FROM keyward.schema_history AS h) AS migrations
