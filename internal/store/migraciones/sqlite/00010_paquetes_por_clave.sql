-- +goose Up
-- A package has one row however its id is written: ids are kept in upper case, as the
-- SAT writes most of them. What is sent to it is its own spelling (tramos_paquetes).
CREATE TABLE repetidos_por_letra AS
    SELECT servicio, rfc, upper(id_paquete) AS clave, SUM(descargas) AS descargas FROM paquetes
    GROUP BY servicio, rfc, upper(id_paquete) HAVING COUNT(*) > 1;
-- Of two rows the one with a copy stays; the other's object is removed by a start.
DELETE FROM paquetes WHERE EXISTS (
    SELECT 1 FROM paquetes o WHERE o.servicio = paquetes.servicio AND o.rfc = paquetes.rfc AND upper(o.id_paquete) = upper(paquetes.id_paquete)
    AND (4 * o.completo + CASE WHEN o.parcial <> '' THEN 2 WHEN o.borrado <> '' THEN 1 ELSE 0 END > 4 * paquetes.completo + CASE WHEN paquetes.parcial <> '' THEN 2 WHEN paquetes.borrado <> '' THEN 1 ELSE 0 END
        OR 4 * o.completo + CASE WHEN o.parcial <> '' THEN 2 WHEN o.borrado <> '' THEN 1 ELSE 0 END = 4 * paquetes.completo + CASE WHEN paquetes.parcial <> '' THEN 2 WHEN paquetes.borrado <> '' THEN 1 ELSE 0 END
        AND o.id_paquete > paquetes.id_paquete));
UPDATE paquetes SET id_paquete = upper(id_paquete) WHERE id_paquete <> upper(id_paquete);
UPDATE paquetes SET descargas = (SELECT r.descargas FROM repetidos_por_letra r WHERE r.servicio = paquetes.servicio AND r.rfc = paquetes.rfc AND r.clave = paquetes.id_paquete)
    WHERE EXISTS (SELECT 1 FROM repetidos_por_letra r WHERE r.servicio = paquetes.servicio AND r.rfc = paquetes.rfc AND r.clave = paquetes.id_paquete);
DROP TABLE repetidos_por_letra;
DROP INDEX tramos_paquetes_paquete;
CREATE INDEX tramos_paquetes_paquete ON tramos_paquetes (upper(id_paquete));
DROP INDEX tramos_solicitud;
CREATE INDEX tramos_solicitud ON tramos (upper(id_solicitud)) WHERE id_solicitud <> '';

-- +goose Down
DROP INDEX tramos_solicitud;
CREATE INDEX tramos_solicitud ON tramos (id_solicitud) WHERE id_solicitud <> '';
DROP INDEX tramos_paquetes_paquete;
CREATE INDEX tramos_paquetes_paquete ON tramos_paquetes (id_paquete);
