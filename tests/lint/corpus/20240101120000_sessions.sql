-- migrate:up
CREATE TABLE app.sessions (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id bigint NOT NULL REFERENCES app.users, token text NOT NULL UNIQUE);
CREATE INDEX ON app.sessions (user_id);

-- migrate:down
DROP TABLE app.sessions;
