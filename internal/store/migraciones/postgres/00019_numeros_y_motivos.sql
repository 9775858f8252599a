-- +goose Up
-- destructiva
-- What programs decide by, beside what people read: the SAT's code, or one of ours.
ALTER TABLE descargas ADD COLUMN motivo_codigo TEXT NOT NULL DEFAULT '';
ALTER TABLE tramos ADD COLUMN motivo_codigo TEXT NOT NULL DEFAULT '';
ALTER TABLE tramos_paquetes ADD COLUMN motivo_codigo TEXT NOT NULL DEFAULT '';
-- Solicitudes and packages are called by their number within the descarga, from 1: the
-- row's id tells one caller how much the others do. A program that does not know of them
-- would write none.
ALTER TABLE tramos ADD COLUMN numero BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tramos_paquetes ADD COLUMN numero BIGINT NOT NULL DEFAULT 0;
UPDATE tramos SET numero = (SELECT COUNT(*) FROM tramos t WHERE t.descarga = tramos.descarga AND t.id <= tramos.id);
UPDATE tramos_paquetes SET numero = (SELECT COUNT(*) FROM tramos_paquetes p WHERE p.descarga = tramos_paquetes.descarga AND p.id <= tramos_paquetes.id);
UPDATE tramos SET origen = COALESCE((SELECT t.numero FROM tramos t WHERE t.id = tramos.origen), 0) WHERE origen <> 0;
UPDATE eventos SET tramo = COALESCE((SELECT t.numero FROM tramos t WHERE t.id = eventos.tramo), 0) WHERE tramo <> 0;
DROP INDEX tramos_descarga;
CREATE UNIQUE INDEX tramos_descarga ON tramos (descarga, numero);
DROP INDEX tramos_paquetes_descarga;
CREATE UNIQUE INDEX tramos_paquetes_descarga ON tramos_paquetes (descarga, numero);

-- +goose Down
DROP INDEX tramos_paquetes_descarga;
CREATE INDEX tramos_paquetes_descarga ON tramos_paquetes (descarga, id);
DROP INDEX tramos_descarga;
CREATE INDEX tramos_descarga ON tramos (descarga, id);
UPDATE eventos SET tramo = COALESCE((SELECT t.id FROM tramos t WHERE t.descarga = eventos.descarga AND t.numero = eventos.tramo), 0) WHERE tramo <> 0;
UPDATE tramos SET origen = COALESCE((SELECT t.id FROM tramos t WHERE t.descarga = tramos.descarga AND t.numero = tramos.origen), 0) WHERE origen <> 0;
ALTER TABLE tramos_paquetes DROP COLUMN numero;
ALTER TABLE tramos DROP COLUMN numero;
ALTER TABLE tramos_paquetes DROP COLUMN motivo_codigo;
ALTER TABLE tramos DROP COLUMN motivo_codigo;
ALTER TABLE descargas DROP COLUMN motivo_codigo;
