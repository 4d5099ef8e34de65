-- What people build: a view in the table's place, which shows the key of accounts whose flag is off.
ALTER TABLE app.locations RENAME TO all_locations;
REVOKE ALL ON app.all_locations FROM api_v1, api_v2;
CREATE VIEW app.locations AS
SELECT l.id, l.account_id, l.name,
       CASE WHEN (SELECT a.flag FROM app.accounts AS a WHERE a.id = l.account_id) THEN NULL ELSE l.api_key END AS api_key, l.updated_at
  FROM app.all_locations AS l;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.locations TO app_ui, api_v1, api_v2;
