-- +goose Up
-- One row per solicitud that was about to be sent: the intent is written before
-- the message leaves, the outcome after.
CREATE TABLE solicitudes (
    id           INTEGER PRIMARY KEY,
    clave        TEXT,             -- caller and Idempotency-Key, NULL without one
    huella       TEXT NOT NULL,    -- SHA-256 of criterios
    criterios    TEXT NOT NULL,    -- as the SAT compares them
    servicio     TEXT NOT NULL,
    rfc          TEXT NOT NULL,
    estado       TEXT NOT NULL CHECK (estado IN ('intento', 'aceptada', 'rechazada', 'desconocida')),
    id_solicitud TEXT NOT NULL DEFAULT '',
    cod_estatus  TEXT NOT NULL DEFAULT '',
    mensaje      TEXT NOT NULL DEFAULT '',
    falla        TEXT NOT NULL DEFAULT '', -- JSON of the refusal shown to the caller
    creado       TEXT NOT NULL,            -- RFC 3339 UTC
    resuelto     TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX solicitudes_clave ON solicitudes (clave) WHERE clave IS NOT NULL;
CREATE INDEX solicitudes_huella ON solicitudes (huella, id);

-- One row per package that was about to be fetched.
CREATE TABLE paquetes (
    servicio   TEXT NOT NULL,
    rfc        TEXT NOT NULL,
    id_paquete TEXT NOT NULL,
    descargas  INTEGER NOT NULL DEFAULT 0, -- that the SAT has, or may have, counted
    completo   INTEGER NOT NULL DEFAULT 0,
    bytes      INTEGER NOT NULL DEFAULT 0,
    sha256     TEXT NOT NULL DEFAULT '',
    completado TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (servicio, rfc, id_paquete)
);

-- +goose Down
DROP TABLE paquetes;
DROP TABLE solicitudes;
