-- The progress of a wave ($1), in the transaction of the batch that made it: the account reached, accounts and keys more.
UPDATE keyward.wave AS w
   SET reached = COALESCE($2, w.reached), accounts = w.accounts + $3, keys = w.keys + $4
 WHERE w.id = $1
