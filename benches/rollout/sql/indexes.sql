-- The indexes that aren't made with the tables: quicker after the rows.
CREATE INDEX accounts_plan ON app.accounts (plan, created_at);
CREATE INDEX locations_account ON app.locations (account_id);
CREATE INDEX users_account ON app.users (account_id);
