-- Row-level security of the application's own.
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.orders FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON app.orders USING (account_id = current_setting('app.tenant')::bigint);
CREATE POLICY tenant ON app.users USING (account_id = current_setting('app.tenant')::bigint);
