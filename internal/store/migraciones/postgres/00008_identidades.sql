-- +goose Up
-- The comprobantes that can be read in the packages of a solicitud, each once: the
-- SAT's count is held against these rows. They go some time after the descarga's end.
CREATE TABLE identidades (
    tramo   BIGINT NOT NULL,
    uuid    BYTEA NOT NULL,   -- 16 bytes
    paquete BIGINT NOT NULL,  -- of tramos_paquetes, the first that brought it
    lugar   INTEGER NOT NULL, -- of its date: 0 in the solicitud's range, 1 in what the range was widened by, 2 outside
    PRIMARY KEY (tramo, uuid)
);
CREATE INDEX identidades_ajenas ON identidades (tramo, uuid) WHERE lugar = 2;

ALTER TABLE tramos_paquetes ADD COLUMN repetidos BIGINT NOT NULL DEFAULT 0; -- read, and read before in this solicitud
ALTER TABLE tramos_paquetes ADD COLUMN danadas   BIGINT NOT NULL DEFAULT 0; -- of fallas, entries whose bytes are not those that were packed
ALTER TABLE tramos_paquetes ADD COLUMN ajenas    BIGINT NOT NULL DEFAULT 0; -- entries that no package of the SAT has
ALTER TABLE tramos ADD COLUMN repetidos BIGINT NOT NULL DEFAULT 0; -- that another solicitud of the descarga has in its own range

-- +goose Down
ALTER TABLE tramos DROP COLUMN repetidos;
ALTER TABLE tramos_paquetes DROP COLUMN ajenas;
ALTER TABLE tramos_paquetes DROP COLUMN danadas;
ALTER TABLE tramos_paquetes DROP COLUMN repetidos;
DROP TABLE identidades;
