-- id: role_owner
-- control: no_key_in_responses, no_legacy_writes
-- vector: SET ROLE to keyward's owner
-- who: api, legacy
-- expects: stopped
-- tell: success
-- needs: session_authorization
-- with: runner

-- act:
SET LOCAL ROLE {{ owner }};

-- counter:
SET LOCAL ROLE {{ owner }};
