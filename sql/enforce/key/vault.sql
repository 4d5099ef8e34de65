-- purpose: The vault: the sealed keys of {{ key.table }}, out of the application's reach.
-- role: owner
-- lock: none
-- undo: DROP TABLE keyward.{{ "vault_" ~ key.name }};

CREATE TABLE keyward.{{ "vault_" ~ key.name }} (
    {{ key.id }}  {{ key.id_type }} NOT NULL,
    {{ key.column }}  {{ key.key_type }} NOT NULL,
    sealed_at  timestamptz NOT NULL DEFAULT now(),
    -- the rollout wave that enabled the account; NULL for an explicit opt-in
    sealed_by_wave  integer,
    CONSTRAINT {{ "vault_" ~ key.name ~ "_pkey" }} PRIMARY KEY ({{ key.id }})
);
-- for keyward.{{ "authenticate_" ~ key.name }}; hash, since a key may be longer than a B-tree entry. Not unique: a unique
-- index would tell whoever writes a guessed key that it exists.
CREATE INDEX {{ "vault_" ~ key.name ~ "_key" }} ON keyward.{{ "vault_" ~ key.name }} USING hash ({{ key.column }});
