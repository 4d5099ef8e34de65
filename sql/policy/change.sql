-- Sets the policy's mode to $1, on behalf of the role $2. Answers with a row if it was another one before: which.
WITH before AS (
    SELECT p.mode FROM keyward.policy AS p FOR UPDATE
), changed AS (
    UPDATE keyward.policy AS p
       SET mode = $1::text, changed_at = pg_catalog.now(), mode_changed_at = pg_catalog.now(), mode_changed_by = $2::text
      FROM before AS b
     WHERE b.mode <> $1::text
    RETURNING b.mode AS mode_before
)
SELECT c.mode_before FROM changed AS c
