-- Reference data.
INSERT INTO app.countries (code, name) VALUES ('DE', 'Deutschland'), ('FR', 'France'), ('CI', 'Côte d''Ivoire')
ON CONFLICT (code) DO UPDATE SET name = excluded.name;
DELETE FROM app.countries WHERE code NOT IN (SELECT country FROM app.addresses);
