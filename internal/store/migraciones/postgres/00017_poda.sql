-- +goose Up
-- What nobody needs some time after an end goes: the row says when the events of its
-- polls and waits did. Both kinds of retention find what is theirs without reading the rest.
ALTER TABLE descargas ADD COLUMN podada TEXT NOT NULL DEFAULT ''; -- RFC 3339 UTC, microseconds
CREATE INDEX descargas_podar ON descargas (terminada) WHERE terminada <> '' AND podada = '';
CREATE INDEX descargas_retirar ON descargas (terminada) WHERE terminada <> '' AND retirada = '';

-- +goose Down
DROP INDEX descargas_retirar;
DROP INDEX descargas_podar;
ALTER TABLE descargas DROP COLUMN podada;
