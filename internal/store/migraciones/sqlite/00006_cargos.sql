-- +goose Up
-- What one alone of the gateways that share the database does, and which of them.
CREATE TABLE cargos (
    nombre  TEXT PRIMARY KEY,
    proceso TEXT NOT NULL -- of procesos, or of one that has died
);

-- +goose Down
DROP TABLE cargos;
