-- Odd names.
CREATE TABLE app."Straße" ("Größe in m²" numeric, "we""ird" text, U&"\0441\043B\043E\043D" int);
ALTER TABLE app."Locations" RENAME COLUMN "API_KEY" TO "Key";
INSERT INTO app."Straße" VALUES (1, E'it\'s; fine', 2), (3, $x$;$x$, 4);
