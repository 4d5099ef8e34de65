-- Who signed: the ledger names, with each step of a plan that was signed, the keys whose signatures were asked for and found.
--
-- Runs as the owner role, with a search_path of pg_catalog only. Frozen once released.

ALTER TABLE keyward.ledger
    -- the SHA-256 of each public key, as keyward plan sign shows it: sha256:…; empty for a plan whose signature nobody asked for
    ADD COLUMN signed_by text[] NOT NULL DEFAULT '{}';
