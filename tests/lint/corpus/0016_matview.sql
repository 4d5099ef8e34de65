-- Counts for the dashboard.
CREATE MATERIALIZED VIEW app.location_counts AS SELECT account_id, count(*) AS locations, max(l.id) AS newest FROM app.locations l GROUP BY account_id;
CREATE UNIQUE INDEX ON app.location_counts (account_id);
REFRESH MATERIALIZED VIEW CONCURRENTLY app.location_counts;
