-- A new wave: its kind ($1), percentage ($2), list ($3), limit ($4), what it undoes ($5), who runs it ($6), how ($7), the accounts before it ($8) and
-- how many of them a chunk spans ($9). Returns its number.
INSERT INTO keyward.wave (kind, percent, list_sha256, account_limit, reverts, started_by, parameters, total, span)
VALUES ($1, $2::text::numeric, $3::text, $4::text::bigint, $5::text::integer, $6, $7::text::jsonb, $8, $9)
RETURNING id
