-- +goose Up
-- One row per message that was about to be sent and must not be sent twice: the
-- intent is written before it leaves, the outcome after.
CREATE TABLE intentos (
    id        INTEGER PRIMARY KEY,
    operacion TEXT NOT NULL,      -- "sat.solicita", "sep.carga", …
    clave     TEXT,               -- caller and Idempotency-Key, NULL without one
    huella    TEXT NOT NULL,      -- SHA-256 of what is asked for
    criterios TEXT NOT NULL,      -- the same for people, without secrets
    estado    TEXT NOT NULL CHECK (estado IN ('intento', 'aceptado', 'rechazado', 'desconocido')),
    respuesta TEXT NOT NULL DEFAULT '', -- JSON of the answer
    falla     TEXT NOT NULL DEFAULT '', -- JSON of the refusal shown to the caller
    creado    TEXT NOT NULL,            -- RFC 3339 UTC
    resuelto  TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX intentos_clave ON intentos (operacion, clave) WHERE clave IS NOT NULL;
CREATE INDEX intentos_huella ON intentos (operacion, huella, id);

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
DROP TABLE intentos;
