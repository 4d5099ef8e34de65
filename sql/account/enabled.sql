-- purpose: Whether account $1 has its setting on, its row locked until the end of the transaction, so that nobody changes it.
-- role: owner
SELECT s.enabled FROM keyward.account_setting AS s WHERE s.account = $1::text::{{ id_type }} FOR UPDATE
