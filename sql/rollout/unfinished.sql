-- The newest wave of a kind ($1) and percentage ($2) that has not come to its end, with the last account that it reached.
SELECT w.id, w.reached, w.accounts, w.keys
  FROM keyward.wave AS w
 WHERE w.kind = $1 AND w.percent = $2::text::numeric AND w.state <> 'done'
 ORDER BY w.id DESC
 LIMIT 1
