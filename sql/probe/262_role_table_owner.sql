-- id: role_table_owner
-- control: no_key_in_responses, no_legacy_writes
-- vector: SET ROLE to the owner of the table
-- who: api, legacy
-- expects: stopped
-- tell: success
-- needs: session_authorization
-- with: runner

-- act:
SET LOCAL ROLE {{ row.owner }};

-- counter:
SET LOCAL ROLE {{ row.owner }};
