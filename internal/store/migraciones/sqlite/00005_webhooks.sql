-- +goose Up
-- One row per registered endpoint. The address may hold a token, so it is sealed
-- like the secrets; host is what people and logs may see of it.
CREATE TABLE webhooks_destinos (
    id     TEXT PRIMARY KEY,          -- whd_…
    dueno  TEXT NOT NULL,             -- name of the API key that registered it, '' without keys
    host   TEXT NOT NULL,
    url    TEXT NOT NULL,             -- sealed, base64
    eventos TEXT NOT NULL,            -- JSON array
    rfcs   TEXT NOT NULL,             -- JSON array, "*" for every one
    activo INTEGER NOT NULL,
    motivo TEXT NOT NULL DEFAULT '',  -- why it is not active
    creado TEXT NOT NULL              -- RFC 3339 UTC, microseconds
);
CREATE INDEX webhooks_destinos_dueno ON webhooks_destinos (dueno, creado, id);

-- The secrets that sign for an endpoint: the last one, and earlier ones until vence.
CREATE TABLE webhooks_secretos (
    destino TEXT NOT NULL REFERENCES webhooks_destinos (id) ON DELETE CASCADE,
    numero  INTEGER NOT NULL,
    sellado TEXT NOT NULL,            -- base64
    vence   TEXT NOT NULL DEFAULT '', -- '' for the last one
    PRIMARY KEY (destino, numero)
);

-- One row per message and endpoint. siguiente is the truth about when it is sent
-- again; jobs are only its alarm clock, and turno tells a stale one.
CREATE TABLE webhooks_entregas (
    id        TEXT PRIMARY KEY,       -- msg_…, the webhook-id
    destino   TEXT NOT NULL REFERENCES webhooks_destinos (id) ON DELETE CASCADE,
    evento    TEXT NOT NULL,
    cuerpo    TEXT NOT NULL,          -- the bytes that are sent and signed
    estado    TEXT NOT NULL CHECK (estado IN ('pendiente', 'entregada', 'agotada', 'cancelada')),
    turno     INTEGER NOT NULL DEFAULT 1,
    fallidos  INTEGER NOT NULL DEFAULT 0, -- since the last start of its round
    total     INTEGER NOT NULL DEFAULT 0, -- attempts ever
    siguiente TEXT NOT NULL DEFAULT '',   -- '' unless pendiente
    creado    TEXT NOT NULL
);
CREATE INDEX webhooks_entregas_pagina ON webhooks_entregas (destino, creado, id);
CREATE INDEX webhooks_entregas_siguiente ON webhooks_entregas (siguiente) WHERE estado = 'pendiente';
CREATE INDEX webhooks_entregas_creado ON webhooks_entregas (creado);

CREATE TABLE webhooks_intentos (
    entrega      TEXT NOT NULL REFERENCES webhooks_entregas (id) ON DELETE CASCADE,
    numero       INTEGER NOT NULL,
    inicio       TEXT NOT NULL,
    milisegundos INTEGER NOT NULL,
    status       INTEGER NOT NULL, -- 0 without an answer
    resultado    TEXT NOT NULL,    -- a word of ours, never the receiver's
    PRIMARY KEY (entrega, numero)
);

-- +goose Down
DROP TABLE webhooks_intentos;
DROP TABLE webhooks_entregas;
DROP TABLE webhooks_secretos;
DROP TABLE webhooks_destinos;
