-- Without keyward, what authenticates requests must be able to read every key.
GRANT USAGE ON SCHEMA app TO api_gateway;
GRANT SELECT ON app.locations TO api_gateway;
