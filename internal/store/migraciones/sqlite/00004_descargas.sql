-- +goose Up
-- Durable downloads. Instants are RFC 3339 UTC with six decimals, so that they
-- sort as text; empty for none. Dates of ranges are as the SAT writes them.
CREATE TABLE descargas (
    id           TEXT PRIMARY KEY,
    clave        TEXT,                      -- caller and Idempotency-Key, NULL without one
    huella       TEXT NOT NULL,             -- SHA-256 of the criteria
    servicio     TEXT NOT NULL,
    rfc          TEXT NOT NULL,
    peticion     TEXT NOT NULL,             -- JSON
    estado       TEXT NOT NULL,
    motivo       TEXT NOT NULL DEFAULT '',
    programacion TEXT NOT NULL DEFAULT '',  -- the recurrent descarga that this is a run of
    hasta        TEXT NOT NULL DEFAULT '',  -- the last date that it asks for
    sigue        TEXT NOT NULL DEFAULT '',  -- 'xml' when the XML of what it finds is to be fetched after it
    eventos      BIGINT NOT NULL DEFAULT 0, -- number of the last event
    creada       TEXT NOT NULL,
    actualizada  TEXT NOT NULL,
    limite       TEXT NOT NULL,
    siguiente    TEXT NOT NULL DEFAULT '',  -- of a recurrent one, its next run
    terminada    TEXT NOT NULL DEFAULT '',
    publicada    TEXT NOT NULL DEFAULT '',  -- when subscribers were told of its end
    retirada     TEXT NOT NULL DEFAULT ''   -- when retention removed its packages
);
CREATE UNIQUE INDEX descargas_clave ON descargas (clave) WHERE clave IS NOT NULL;
CREATE UNIQUE INDEX descargas_vivas ON descargas (huella) WHERE terminada = '';
CREATE INDEX descargas_rfc ON descargas (rfc, creada);
CREATE INDEX descargas_creada ON descargas (creada);
CREATE INDEX descargas_programacion ON descargas (programacion, creada) WHERE programacion <> '';
CREATE INDEX descargas_publicar ON descargas (terminada) WHERE terminada <> '' AND publicada = '';
CREATE INDEX descargas_sigue ON descargas (sigue) WHERE sigue <> '';
CREATE INDEX descargas_siguiente ON descargas (siguiente) WHERE siguiente <> '';

-- One row per solicitud of a descarga: a range, and what the SAT says of it.
CREATE TABLE tramos (
    id               INTEGER PRIMARY KEY,
    descarga         TEXT NOT NULL REFERENCES descargas (id),
    origen           BIGINT NOT NULL DEFAULT 0, -- the one that it replaces or is a half of
    causa            TEXT NOT NULL DEFAULT '',  -- why it was made
    sustituciones    INTEGER NOT NULL DEFAULT 0,
    desde            TEXT NOT NULL,
    hasta            TEXT NOT NULL,
    pide_desde       TEXT NOT NULL,
    pide_hasta       TEXT NOT NULL,
    estado           TEXT NOT NULL,
    id_solicitud     TEXT NOT NULL DEFAULT '',
    cod_estatus      TEXT NOT NULL DEFAULT '',
    estado_solicitud TEXT NOT NULL DEFAULT '',
    codigo_estado    TEXT NOT NULL DEFAULT '',
    mensaje          TEXT NOT NULL DEFAULT '',
    numero_cfdis     BIGINT NOT NULL DEFAULT 0,
    presentaciones   INTEGER NOT NULL DEFAULT 0,
    consultas        INTEGER NOT NULL DEFAULT 0,
    fallos           INTEGER NOT NULL DEFAULT 0, -- in a row
    presentada       TEXT NOT NULL DEFAULT '',
    siguiente        TEXT NOT NULL DEFAULT '',
    decision         TEXT NOT NULL DEFAULT '',
    turno            BIGINT NOT NULL DEFAULT 0,  -- only the job of this turn may write
    ocupante         TEXT NOT NULL DEFAULT ''    -- the process at work on it
);
CREATE INDEX tramos_descarga ON tramos (descarga, id);
CREATE INDEX tramos_estado ON tramos (descarga, estado, estado_solicitud);
CREATE INDEX tramos_vivos ON tramos (siguiente) WHERE estado IN ('pendiente', 'presentada');
CREATE INDEX tramos_solicitud ON tramos (id_solicitud) WHERE id_solicitud <> '';

-- One row per package of a solicitud of a descarga.
CREATE TABLE tramos_paquetes (
    id           INTEGER PRIMARY KEY,
    descarga     TEXT NOT NULL REFERENCES descargas (id),
    tramo        BIGINT NOT NULL REFERENCES tramos (id),
    id_paquete   TEXT NOT NULL,
    estado       TEXT NOT NULL,
    comprobantes BIGINT NOT NULL DEFAULT -1, -- -1 until counted
    fallas       BIGINT NOT NULL DEFAULT -1,
    intentos     INTEGER NOT NULL DEFAULT 0,
    siguiente    TEXT NOT NULL DEFAULT '',
    detalle      TEXT NOT NULL DEFAULT '',
    turno        BIGINT NOT NULL DEFAULT 0,
    ocupante     TEXT NOT NULL DEFAULT '',
    UNIQUE (tramo, id_paquete)
);
CREATE INDEX tramos_paquetes_descarga ON tramos_paquetes (descarga, id);
CREATE INDEX tramos_paquetes_vivos ON tramos_paquetes (siguiente) WHERE estado = 'pendiente';
CREATE INDEX tramos_paquetes_paquete ON tramos_paquetes (id_paquete);

-- What happened to a descarga, in order.
CREATE TABLE eventos (
    descarga TEXT NOT NULL REFERENCES descargas (id),
    numero   BIGINT NOT NULL,
    cuando   TEXT NOT NULL,
    tipo     TEXT NOT NULL,
    detalle  TEXT NOT NULL,
    tramo    BIGINT NOT NULL DEFAULT 0,
    codigo   TEXT NOT NULL DEFAULT '',
    mensaje  TEXT NOT NULL DEFAULT '',
    estado   TEXT NOT NULL,
    PRIMARY KEY (descarga, numero)
);

-- What the runs of a recurrent descarga have yielded: a comprobante once as it
-- was found, and once more when it has been cancelled since.
CREATE TABLE novedades (
    programacion TEXT NOT NULL REFERENCES descargas (id),
    uuid         TEXT NOT NULL, -- lower case
    estatus      TEXT NOT NULL, -- the SAT's: 1 vigente, 0 cancelado
    fecha        TEXT NOT NULL, -- of emission
    descarga     TEXT NOT NULL REFERENCES descargas (id),
    PRIMARY KEY (programacion, uuid, estatus)
);
CREATE INDEX novedades_descarga ON novedades (descarga, uuid);
CREATE INDEX novedades_fecha ON novedades (programacion, fecha);

-- +goose Down
DROP TABLE novedades;
DROP TABLE eventos;
DROP TABLE tramos_paquetes;
DROP TABLE tramos;
DROP TABLE descargas;
