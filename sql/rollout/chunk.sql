-- The next chunk of a wave ($1), number $2, from where the one before ended ($3) to $4, with its part of the limit ($5). Its fence counts on from the
-- number of this transaction, so that none is used twice: whoever had a chunk of this number that was cleared away isn't taken for the owner of this one.
WITH reached AS (UPDATE keyward.wave AS w SET reached = $4 WHERE w.id = $1)
INSERT INTO keyward.chunk (wave, no, low, high, quota, fence)
VALUES ($1, $2, $3::text, $4, $5::text::bigint, pg_catalog.pg_current_xact_id()::text::bigint)
