-- +goose Up
-- When the wait for siguiente was begun: one that begins in the future was begun by
-- a clock that was wrong, and is as long as it was meant to be from now on.
ALTER TABLE tramos ADD COLUMN espera_desde TEXT NOT NULL DEFAULT '';
ALTER TABLE tramos_paquetes ADD COLUMN espera_desde TEXT NOT NULL DEFAULT '';
ALTER TABLE webhooks_entregas ADD COLUMN espera_desde TEXT NOT NULL DEFAULT '';
UPDATE tramos SET espera_desde = (SELECT actualizada FROM descargas d WHERE d.id = tramos.descarga) WHERE siguiente <> '';
UPDATE tramos_paquetes SET espera_desde = (SELECT actualizada FROM descargas d WHERE d.id = tramos_paquetes.descarga) WHERE siguiente <> '';
CREATE INDEX tramos_espera ON tramos (espera_desde) WHERE estado IN ('pendiente', 'presentada');
CREATE INDEX tramos_paquetes_espera ON tramos_paquetes (espera_desde) WHERE estado = 'pendiente';
CREATE INDEX webhooks_entregas_espera ON webhooks_entregas (espera_desde) WHERE estado = 'pendiente';
-- The last instant at which the clock was believed: what the next start holds its
-- own against.
CREATE TABLE reloj (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    visto   TEXT NOT NULL
);
INSERT INTO reloj (id, visto) SELECT 1, MAX(actualizada) FROM descargas HAVING MAX(actualizada) IS NOT NULL;

-- +goose Down
DROP TABLE reloj;
DROP INDEX webhooks_entregas_espera;
DROP INDEX tramos_paquetes_espera;
DROP INDEX tramos_espera;
ALTER TABLE webhooks_entregas DROP COLUMN espera_desde;
ALTER TABLE tramos_paquetes DROP COLUMN espera_desde;
ALTER TABLE tramos DROP COLUMN espera_desde;
