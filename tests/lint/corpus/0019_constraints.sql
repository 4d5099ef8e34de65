-- Constraints the gentle way.
ALTER TABLE app.users ADD CONSTRAINT email_has_at CHECK (position('@' IN email) > 1) NOT VALID;
ALTER TABLE app.users VALIDATE CONSTRAINT email_has_at;
ALTER TABLE app.orders DROP CONSTRAINT IF EXISTS orders_total_check;
