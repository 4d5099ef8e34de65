-- A history of orders, by a generic trigger.
CREATE TABLE app.history (at timestamptz DEFAULT now(), relation regclass, old jsonb);
CREATE FUNCTION app.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.history (relation, old) VALUES (TG_RELID, to_jsonb(OLD)); RETURN NULL; END $$;
CREATE TRIGGER keep AFTER UPDATE OR DELETE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.keep();
