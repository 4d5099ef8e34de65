-- Flyway: repeatable, with placeholders.
CREATE OR REPLACE VIEW ${schema}.revenue AS
SELECT o.account_id, date_trunc('month', o.placed_at) AS month, sum(o.total) AS total
  FROM ${schema}.orders AS o JOIN ${schema}.locations AS l ON l.account_id = o.account_id
 GROUP BY 1, 2;
