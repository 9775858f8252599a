-- +goose Up
-- What the last failures in a row had in common, and until when the SAT is asked
-- about what it has accepted: empty for no longer than limite.
ALTER TABLE descargas ADD COLUMN tope TEXT NOT NULL DEFAULT '';
ALTER TABLE tramos ADD COLUMN rechazo TEXT NOT NULL DEFAULT '';
ALTER TABLE tramos ADD COLUMN rechazos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tramos_paquetes ADD COLUMN rechazo TEXT NOT NULL DEFAULT '';
ALTER TABLE tramos_paquetes ADD COLUMN rechazos INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE tramos_paquetes DROP COLUMN rechazos;
ALTER TABLE tramos_paquetes DROP COLUMN rechazo;
ALTER TABLE tramos DROP COLUMN rechazos;
ALTER TABLE tramos DROP COLUMN rechazo;
ALTER TABLE descargas DROP COLUMN tope;
