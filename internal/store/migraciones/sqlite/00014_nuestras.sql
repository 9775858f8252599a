-- +goose Up
-- A download that this machine lost is not the SAT's: the next needs more room first,
-- and no other solicitud is asked for because of it.
ALTER TABLE paquetes ADD COLUMN nuestras INTEGER NOT NULL DEFAULT 0; -- downloads lost by a failure of this machine
ALTER TABLE paquetes ADD COLUMN llegaron INTEGER NOT NULL DEFAULT 0; -- the most bytes that one of them had brought

-- +goose Down
ALTER TABLE paquetes DROP COLUMN llegaron;
ALTER TABLE paquetes DROP COLUMN nuestras;
