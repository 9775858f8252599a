-- +goose Up
-- Whole packages lie by content: completo says that the object of sha256 is in
-- its place. Until then parcial names the local file that holds all of it.
ALTER TABLE paquetes ADD COLUMN vuela   TEXT NOT NULL DEFAULT ''; -- the process that downloads or stores it
ALTER TABLE paquetes ADD COLUMN parcial TEXT NOT NULL DEFAULT ''; -- below paquetes/ of that process's data directory
ALTER TABLE paquetes ADD COLUMN borrado TEXT NOT NULL DEFAULT ''; -- RFC 3339 UTC; retention took its content
CREATE INDEX paquetes_sha256 ON paquetes (sha256);
CREATE INDEX paquetes_parcial ON paquetes (parcial) WHERE parcial <> '';

-- One row per object, to be locked by whoever adds or removes the last package
-- that refers to it.
CREATE TABLE objetos (
    sha256 TEXT PRIMARY KEY,
    borra  TEXT NOT NULL DEFAULT '' -- the process that is removing it
);
INSERT INTO objetos (sha256) SELECT DISTINCT sha256 FROM paquetes WHERE completo = 1;

-- +goose Down
DROP TABLE objetos;
DROP INDEX paquetes_parcial;
DROP INDEX paquetes_sha256;
ALTER TABLE paquetes DROP COLUMN borrado;
ALTER TABLE paquetes DROP COLUMN parcial;
ALTER TABLE paquetes DROP COLUMN vuela;
