-- A backfill of names in batches.
DO $$
DECLARE
    last bigint := 0;
    batch bigint;
BEGIN
    LOOP
        UPDATE app.locations SET name = btrim(name) WHERE id > last AND id <= last + 1000 RETURNING id INTO batch;
        EXIT WHEN NOT FOUND;
        last := last + 1000;
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;
