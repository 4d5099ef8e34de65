-- An enum, a domain and a composite type.
CREATE TYPE app.order_state AS ENUM ('open', 'paid', 'shipped');
CREATE DOMAIN app.email AS text CHECK (VALUE ~ '@');
CREATE TYPE app.money AS (amount numeric, currency char(3));
ALTER TYPE app.order_state ADD VALUE 'returned' AFTER 'shipped';
