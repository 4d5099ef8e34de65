-- The measured application: accounts as they are elsewhere, with a flag for the single UPDATE that keyward is compared with.
CREATE SCHEMA app;
CREATE TABLE app.accounts (
    id          bigint      PRIMARY KEY,
    name        text        NOT NULL,
    email       text        NOT NULL UNIQUE,
    plan        text        NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    flag        boolean     NOT NULL DEFAULT false
);
CREATE TABLE app.locations (
    id          bigint      PRIMARY KEY,
    account_id  bigint      NOT NULL REFERENCES app.accounts ON DELETE CASCADE,
    name        text        NOT NULL,
    api_key     text        UNIQUE,
    updated_at  timestamptz NOT NULL
);
CREATE TABLE app.users (
    id          bigint      PRIMARY KEY,
    account_id  bigint      NOT NULL REFERENCES app.accounts ON DELETE CASCADE,
    email       text        NOT NULL
);
GRANT USAGE ON SCHEMA app TO app_ui, api_v1;
GRANT ALL ON ALL TABLES IN SCHEMA app TO app_ui, api_v1;
