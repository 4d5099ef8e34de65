-- Flyway: orders and their lines.
CREATE TABLE app.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES app.accounts (id) ON DELETE CASCADE,
    total numeric(12, 2) NOT NULL DEFAULT 0 CHECK (total >= 0),
    placed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE app.order_lines (order_id bigint REFERENCES app.orders, position int, sku text NOT NULL, PRIMARY KEY (order_id, position));
CREATE INDEX order_lines_sku ON app.order_lines (sku);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.orders, app.order_lines TO app_ui, api_v1, api_v2;
