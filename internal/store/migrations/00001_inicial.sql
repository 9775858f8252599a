-- +goose Up
-- The tables of both databases. Where they differ a word in double braces stands, which
-- schema.go replaces. Instants are RFC 3339 UTC with six decimals, so that they sort as
-- text; empty for none. Dates of comprobantes are as the SAT writes those of ranges. What
-- is true is 1, and every word is one of the program's constants.

-- One row per message that was about to be sent and must not be sent twice: the
-- intent is written before it leaves, the outcome after.
CREATE TABLE intentos (
    id        {{numerada}} PRIMARY KEY,
    operacion TEXT NOT NULL,      -- "sat.solicita", "sep.carga", …
    clave     TEXT,               -- caller and Idempotency-Key, NULL without one
    huella    TEXT NOT NULL,      -- SHA-256 of what is asked for
    criterios TEXT NOT NULL,      -- the same for people, without secrets
    estado    TEXT NOT NULL CHECK (estado IN ('intento', 'aceptado', 'rechazado', 'desconocido')),
    respuesta TEXT NOT NULL DEFAULT '', -- JSON of the answer
    falla     TEXT NOT NULL DEFAULT '', -- JSON of the refusal shown to the caller
    creado    TEXT NOT NULL,
    proceso   TEXT NOT NULL DEFAULT '', -- who sends it, of procesos
    dueno     TEXT NOT NULL DEFAULT '', -- id of the API key whose it is, '' for nobody's
    recurso   TEXT NOT NULL DEFAULT ''  -- what the answer made: number of the lote, '' for nothing
);
CREATE UNIQUE INDEX intentos_clave ON intentos (operacion, clave) WHERE clave IS NOT NULL;
CREATE INDEX intentos_huella ON intentos (operacion, huella, id);
CREATE INDEX intentos_recurso ON intentos (operacion, recurso) WHERE recurso <> '';

-- In which lotes a title was sent. Which of them registered it, the SEP says.
CREATE TABLE titulos_cargados (
    folio TEXT NOT NULL,
    lote  TEXT NOT NULL,
    PRIMARY KEY (folio, lote)
);

-- Who is alive of the gateways that share the database.
CREATE TABLE procesos (
    id     TEXT PRIMARY KEY,
    latido BIGINT NOT NULL -- goes up while the process lives
);

-- What one alone of them does, and which of them.
CREATE TABLE cargos (
    nombre  TEXT PRIMARY KEY,
    proceso TEXT NOT NULL -- of procesos, or of one that has died
);

-- One row per package that was about to be fetched, however its id is written: ids are
-- kept in upper case, as the SAT writes most of them. What is sent to it is its own
-- spelling (tramos_paquetes).
CREATE TABLE paquetes (
    servicio   TEXT NOT NULL,
    rfc        TEXT NOT NULL,
    id_paquete TEXT NOT NULL,
    descargas  INTEGER NOT NULL DEFAULT 0, -- that the SAT has, or may have, counted
    -- Whole packages lie by content: completo says that the object of sha256 is in its
    -- place. Until then parcial names the local file that holds all of it.
    completo   INTEGER NOT NULL DEFAULT 0,
    bytes      BIGINT NOT NULL DEFAULT 0,
    sha256     TEXT NOT NULL DEFAULT '',
    completado TEXT NOT NULL DEFAULT '',
    vuela      TEXT NOT NULL DEFAULT '', -- the process that downloads or stores it
    parcial    TEXT NOT NULL DEFAULT '', -- below paquetes/ of that process's data directory
    borrado    TEXT NOT NULL DEFAULT '', -- when retention took its content
    -- What the SAT has delivered is kept also when something in it is broken. Another
    -- delivery takes its place if it is better.
    dudoso     TEXT NOT NULL DEFAULT '',  -- what is wrong with the kept delivery
    roto       INTEGER NOT NULL DEFAULT 0, -- it is no whole ZIP, and cannot be read
    rotas      INTEGER NOT NULL DEFAULT 0, -- deliveries that came to their end and were no whole ZIP
    iguales    INTEGER NOT NULL DEFAULT 0, -- two deliveries were the same bytes
    -- A download that this machine lost is not the SAT's: the next needs more room first,
    -- and no other solicitud is asked for because of it.
    nuestras   INTEGER NOT NULL DEFAULT 0, -- downloads lost by a failure of this machine
    llegaron   BIGINT NOT NULL DEFAULT 0, -- the most bytes that one of them had brought
    PRIMARY KEY (servicio, rfc, id_paquete)
);
CREATE INDEX paquetes_sha256 ON paquetes (sha256);
CREATE INDEX paquetes_parcial ON paquetes (parcial) WHERE parcial <> '';

-- One row per object, to be locked by whoever adds or removes the last package
-- that refers to it, with what its last whole reading has come to: an address says what
-- the bytes were, and only reading them says what they are.
CREATE TABLE objetos (
    sha256     TEXT PRIMARY KEY,
    borra      TEXT NOT NULL DEFAULT '', -- the process that is removing it
    verificado TEXT NOT NULL DEFAULT '', -- when; '' for never
    marca      TEXT NOT NULL DEFAULT '', -- what the storage said of its last change by then
    dano       TEXT NOT NULL DEFAULT ''  -- 'ausente', 'alterado', 'ilegible'; '' for none
);
CREATE INDEX objetos_verificado ON objetos (verificado);
CREATE INDEX objetos_dano ON objetos (dano) WHERE dano <> '';

-- Durable downloads.
CREATE TABLE descargas (
    id           TEXT PRIMARY KEY,
    clave        TEXT,                      -- caller and Idempotency-Key, NULL without one
    huella       TEXT NOT NULL,             -- SHA-256 of the criteria
    servicio     TEXT NOT NULL,
    rfc          TEXT NOT NULL,
    peticion     TEXT NOT NULL,             -- JSON
    estado       TEXT NOT NULL,
    motivo       TEXT NOT NULL DEFAULT '',  -- for people
    motivo_codigo TEXT NOT NULL DEFAULT '', -- for programs: the SAT's code, or one of ours
    programacion TEXT NOT NULL DEFAULT '',  -- the recurrent descarga that this is a run of
    hasta        TEXT NOT NULL DEFAULT '',  -- the last date that it asks for
    sigue        TEXT NOT NULL DEFAULT '',  -- 'xml' when the XML of what it finds is to be fetched after it
    eventos      BIGINT NOT NULL DEFAULT 0, -- number of the last event
    creada       TEXT NOT NULL,
    actualizada  TEXT NOT NULL,
    limite       TEXT NOT NULL,             -- when it presents nothing more
    tope         TEXT NOT NULL,             -- when it gives up what the SAT has accepted
    siguiente    TEXT NOT NULL DEFAULT '',  -- of a recurrent one, its next run
    terminada    TEXT NOT NULL DEFAULT '',
    publicada    TEXT NOT NULL DEFAULT '',  -- when subscribers were told of its end
    retirada     TEXT NOT NULL DEFAULT '',  -- when retention removed its packages
    podada       TEXT NOT NULL DEFAULT ''   -- when retention removed the events of its polls and waits
);
CREATE UNIQUE INDEX descargas_clave ON descargas (clave) WHERE clave IS NOT NULL;
CREATE UNIQUE INDEX descargas_vivas ON descargas (huella) WHERE terminada = '';
CREATE INDEX descargas_rfc ON descargas (rfc, creada);
CREATE INDEX descargas_creada ON descargas (creada);
CREATE INDEX descargas_programacion ON descargas (programacion, creada) WHERE programacion <> '';
CREATE INDEX descargas_publicar ON descargas (terminada) WHERE terminada <> '' AND publicada = '';
CREATE INDEX descargas_sigue ON descargas (sigue) WHERE sigue <> '';
CREATE INDEX descargas_siguiente ON descargas (siguiente) WHERE siguiente <> '';
CREATE INDEX descargas_podar ON descargas (terminada) WHERE terminada <> '' AND podada = '';
CREATE INDEX descargas_retirar ON descargas (terminada) WHERE terminada <> '' AND retirada = '';

-- One row per solicitud of a descarga: a range, and what the SAT says of it. It is called
-- by its number within the descarga: the row's id tells one caller how much the others do.
CREATE TABLE tramos (
    id               {{numerada}} PRIMARY KEY,
    descarga         TEXT NOT NULL REFERENCES descargas (id),
    numero           BIGINT NOT NULL,           -- from 1
    origen           BIGINT NOT NULL DEFAULT 0, -- number of the one that it replaces or is a half of
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
    repetidos        BIGINT NOT NULL DEFAULT 0, -- that another solicitud of the descarga has in its own range
    presentaciones   INTEGER NOT NULL DEFAULT 0,
    consultas        INTEGER NOT NULL DEFAULT 0,
    fallos           INTEGER NOT NULL DEFAULT 0, -- in a row
    rechazo          TEXT NOT NULL DEFAULT '',  -- what the last of them had in common
    rechazos         INTEGER NOT NULL DEFAULT 0,
    presentada       TEXT NOT NULL DEFAULT '',
    siguiente        TEXT NOT NULL DEFAULT '',
    -- When the wait for siguiente was begun: one that begins in the future was begun by
    -- a clock that was wrong, and is as long as it was meant to be from now on.
    espera_desde     TEXT NOT NULL DEFAULT '',
    decision         TEXT NOT NULL DEFAULT '',
    motivo_codigo    TEXT NOT NULL DEFAULT '',  -- why it ended so, for programs
    turno            BIGINT NOT NULL DEFAULT 0, -- only the job of this turn may write
    ocupante         TEXT NOT NULL DEFAULT ''   -- the process at work on it
);
CREATE UNIQUE INDEX tramos_descarga ON tramos (descarga, numero);
CREATE INDEX tramos_estado ON tramos (descarga, estado, estado_solicitud);
CREATE INDEX tramos_vivos ON tramos (siguiente) WHERE estado IN ('pendiente', 'presentada');
CREATE INDEX tramos_espera ON tramos (espera_desde) WHERE estado IN ('pendiente', 'presentada');
CREATE INDEX tramos_solicitud ON tramos (upper(id_solicitud)) WHERE id_solicitud <> '';

-- One row per package of a solicitud of a descarga, with a number within the descarga too.
CREATE TABLE tramos_paquetes (
    id           {{numerada}} PRIMARY KEY,
    descarga     TEXT NOT NULL REFERENCES descargas (id),
    tramo        BIGINT NOT NULL REFERENCES tramos (id),
    numero       BIGINT NOT NULL,            -- from 1
    id_paquete   TEXT NOT NULL,
    estado       TEXT NOT NULL,
    comprobantes BIGINT NOT NULL DEFAULT -1, -- -1 until counted
    repetidos    BIGINT NOT NULL DEFAULT 0,  -- read, and read before in this solicitud
    fallas       BIGINT NOT NULL DEFAULT -1,
    danadas      BIGINT NOT NULL DEFAULT 0,  -- of fallas, entries whose bytes are not those that were packed
    ajenas       BIGINT NOT NULL DEFAULT 0,  -- entries that no package of the SAT has
    intentos     INTEGER NOT NULL DEFAULT 0,
    rechazo      TEXT NOT NULL DEFAULT '',   -- what the last failures in a row had in common
    rechazos     INTEGER NOT NULL DEFAULT 0,
    siguiente    TEXT NOT NULL DEFAULT '',
    espera_desde TEXT NOT NULL DEFAULT '',
    detalle      TEXT NOT NULL DEFAULT '',
    motivo_codigo TEXT NOT NULL DEFAULT '',
    turno        BIGINT NOT NULL DEFAULT 0,
    ocupante     TEXT NOT NULL DEFAULT '',
    UNIQUE (tramo, id_paquete)
);
CREATE UNIQUE INDEX tramos_paquetes_descarga ON tramos_paquetes (descarga, numero);
CREATE INDEX tramos_paquetes_vivos ON tramos_paquetes (siguiente) WHERE estado = 'pendiente';
CREATE INDEX tramos_paquetes_espera ON tramos_paquetes (espera_desde) WHERE estado = 'pendiente';
CREATE INDEX tramos_paquetes_paquete ON tramos_paquetes (upper(id_paquete));

-- The comprobantes that can be read in the packages of a solicitud, each once: the
-- SAT's count is held against these rows. They go some time after the descarga's end.
CREATE TABLE identidades (
    tramo   BIGINT NOT NULL,
    uuid    {{bytes}} NOT NULL, -- 16 bytes
    paquete BIGINT NOT NULL,    -- of tramos_paquetes, the first that brought it
    lugar   TEXT NOT NULL,      -- of its date: '' in the solicitud's range, 'ampliado' in what that was widened by, 'ajeno' outside
    PRIMARY KEY (tramo, uuid)
){{sin_rowid}};
CREATE INDEX identidades_ajenas ON identidades (tramo, uuid) WHERE lugar = 'ajeno';

-- What happened to a descarga, in order.
CREATE TABLE eventos (
    descarga TEXT NOT NULL REFERENCES descargas (id),
    numero   BIGINT NOT NULL,
    cuando   TEXT NOT NULL,
    tipo     TEXT NOT NULL,
    detalle  TEXT NOT NULL,
    tramo    BIGINT NOT NULL DEFAULT 0, -- number of the solicitud, 0 for the descarga itself
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

-- One row per registered endpoint. The address may hold a token, so it is sealed
-- like the secrets; host is what people and logs may see of it.
CREATE TABLE webhooks_destinos (
    id      TEXT PRIMARY KEY,         -- whd_…
    dueno   TEXT NOT NULL,            -- id of the API key that registered it, '' without keys
    host    TEXT NOT NULL,
    url     TEXT NOT NULL,            -- sealed, base64
    eventos TEXT NOT NULL,            -- JSON array
    rfcs    TEXT NOT NULL,            -- JSON array, "*" for every one
    activo  BIGINT NOT NULL,
    motivo  TEXT NOT NULL DEFAULT '', -- why it is not active
    creado  TEXT NOT NULL
);
CREATE INDEX webhooks_destinos_dueno ON webhooks_destinos (dueno, creado, id);

-- The secrets that sign for an endpoint: the last one, and earlier ones until vence.
CREATE TABLE webhooks_secretos (
    destino TEXT NOT NULL REFERENCES webhooks_destinos (id) ON DELETE CASCADE,
    numero  BIGINT NOT NULL,
    sellado TEXT NOT NULL,            -- base64
    vence   TEXT NOT NULL DEFAULT '', -- '' for the last one
    PRIMARY KEY (destino, numero)
);

-- One row per message and endpoint. siguiente is the truth about when it is sent
-- again; turno tells a stale attempt.
CREATE TABLE webhooks_entregas (
    id           TEXT PRIMARY KEY,      -- msg_…, the webhook-id
    destino      TEXT NOT NULL REFERENCES webhooks_destinos (id) ON DELETE CASCADE,
    evento       TEXT NOT NULL,
    cuerpo       TEXT NOT NULL,         -- the bytes that are sent and signed
    estado       TEXT NOT NULL CHECK (estado IN ('pendiente', 'entregada', 'agotada', 'cancelada')),
    turno        BIGINT NOT NULL DEFAULT 1,
    fallidos     BIGINT NOT NULL DEFAULT 0, -- since the last start of its round
    total        BIGINT NOT NULL DEFAULT 0, -- attempts ever
    siguiente    TEXT NOT NULL DEFAULT '',  -- '' unless pendiente
    espera_desde TEXT NOT NULL DEFAULT '',
    creado       TEXT NOT NULL
);
CREATE INDEX webhooks_entregas_pagina ON webhooks_entregas (destino, creado, id);
CREATE INDEX webhooks_entregas_siguiente ON webhooks_entregas (siguiente) WHERE estado = 'pendiente';
CREATE INDEX webhooks_entregas_espera ON webhooks_entregas (espera_desde) WHERE estado = 'pendiente';
CREATE INDEX webhooks_entregas_creado ON webhooks_entregas (creado);

CREATE TABLE webhooks_intentos (
    entrega      TEXT NOT NULL REFERENCES webhooks_entregas (id) ON DELETE CASCADE,
    numero       BIGINT NOT NULL,
    inicio       TEXT NOT NULL,
    milisegundos BIGINT NOT NULL,
    status       BIGINT NOT NULL, -- 0 without an answer
    resultado    TEXT NOT NULL,   -- a word of ours, never the receiver's
    PRIMARY KEY (entrega, numero)
);

-- Which ledger this is. The row of vigente = 1 is its own; its generation grows at every
-- start and every beat, and marks outside of the database say how far it had come. The
-- other rows are ledgers whose place it took on an operator's word: their marks are good.
CREATE TABLE libros (
    id         TEXT   NOT NULL PRIMARY KEY,
    generacion BIGINT NOT NULL,
    vigente    BIGINT NOT NULL
);
-- What a program has to know to work on these tables: version minimo. It is said of the
-- tables up to version; of later ones nobody has said it.
CREATE TABLE esquema (
    version BIGINT NOT NULL,
    minimo  BIGINT NOT NULL
);

-- The last instant at which the clock was believed: what the next start holds its
-- own against.
CREATE TABLE reloj (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    visto TEXT NOT NULL
);
