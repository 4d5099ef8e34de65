-- +goose Up
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER touch_orders BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();

-- +goose Down
DROP TRIGGER touch_orders ON app.orders;
