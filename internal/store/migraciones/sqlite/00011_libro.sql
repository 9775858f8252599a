-- +goose Up
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

-- +goose Down
DROP TABLE esquema;
DROP TABLE libros;
