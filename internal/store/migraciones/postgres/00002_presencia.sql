-- +goose Up
-- Who is alive of the gateways that share the database, and who sends what.
CREATE TABLE procesos (
    id     TEXT PRIMARY KEY,
    latido BIGINT NOT NULL, -- goes up while the process lives
    desde  TEXT NOT NULL    -- RFC 3339 UTC, for people
);
ALTER TABLE intentos ADD COLUMN proceso TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE intentos DROP COLUMN proceso;
DROP TABLE procesos;
