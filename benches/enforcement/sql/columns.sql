-- What people build: the API loses the column, for all accounts alike.
REVOKE SELECT, INSERT, UPDATE ON app.locations FROM api_v1, api_v2;
GRANT SELECT (id, account_id, name, updated_at), INSERT (id, account_id, name, updated_at), UPDATE (id, account_id, name, updated_at)
   ON app.locations TO api_v1, api_v2;
