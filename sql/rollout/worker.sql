-- A worker of a wave ($1): who runs it ($2), in which process ($3). Returns its number; its session takes the advisory lock of that number.
INSERT INTO keyward.worker (wave, actor, process, pid) VALUES ($1, $2, $3, pg_catalog.pg_backend_pid()) RETURNING id
