-- The policy's mode, which nobody else changes until the end of the transaction.
SELECT p.mode FROM keyward.policy AS p FOR UPDATE
