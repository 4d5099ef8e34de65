-- The least that any enforcement in the tables could cost: a row trigger that does nothing.
CREATE FUNCTION app.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER nothing BEFORE INSERT OR UPDATE ON app.locations FOR EACH ROW EXECUTE FUNCTION app.nothing();
CREATE TRIGGER nothing BEFORE INSERT OR UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION app.nothing();
