-- id: role_ui
-- control: no_key_in_responses, no_legacy_writes
-- vector: SET ROLE to the UI role
-- who: api, legacy
-- expects: stopped
-- tell: success
-- where: ui
-- needs: session_authorization
-- with: runner

-- act:
SET LOCAL ROLE {{ ui_role }};

-- counter:
SET LOCAL ROLE {{ ui_role }};
