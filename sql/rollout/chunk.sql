-- The next chunk of a wave ($1), number $2, from where the one before ended ($3) to $4, with its part of the limit ($5).
WITH reached AS (UPDATE keyward.wave AS w SET reached = $4 WHERE w.id = $1)
INSERT INTO keyward.chunk (wave, no, low, high, quota) VALUES ($1, $2, $3::text, $4, $5::text::bigint)
