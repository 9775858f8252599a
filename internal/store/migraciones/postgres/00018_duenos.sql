-- +goose Up
-- Whose a message is, and what its answer made: a lote is shown to who sent it.
ALTER TABLE intentos ADD COLUMN dueno   TEXT NOT NULL DEFAULT ''; -- id of an API key, '' for nobody's
ALTER TABLE intentos ADD COLUMN recurso TEXT NOT NULL DEFAULT ''; -- number of the lote, '' for nothing
CREATE INDEX intentos_recurso ON intentos (operacion, recurso) WHERE recurso <> '';
-- In which lotes a title was sent. Which of them registered it, the SEP says.
CREATE TABLE titulos_cargados (
    folio TEXT NOT NULL,
    lote  TEXT NOT NULL,
    PRIMARY KEY (folio, lote)
);

-- +goose Down
DROP TABLE titulos_cargados;
DROP INDEX intentos_recurso;
ALTER TABLE intentos DROP COLUMN recurso;
ALTER TABLE intentos DROP COLUMN dueno;
