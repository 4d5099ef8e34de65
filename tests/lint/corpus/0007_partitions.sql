-- Events by month, partitioned; not protected.
CREATE TABLE app.events (at timestamptz NOT NULL, account_id bigint NOT NULL, kind text NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE app.events_2024_01 PARTITION OF app.events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
ALTER TABLE app.events DETACH PARTITION app.events_2024_01 CONCURRENTLY;
