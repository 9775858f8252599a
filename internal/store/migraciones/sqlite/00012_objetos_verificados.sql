-- +goose Up
-- What the last whole reading of an object has come to: an address says what the bytes
-- were, and only reading them says what they are.
ALTER TABLE objetos ADD COLUMN verificado TEXT NOT NULL DEFAULT ''; -- when; RFC 3339 UTC, microseconds; '' for never
ALTER TABLE objetos ADD COLUMN marca      TEXT NOT NULL DEFAULT ''; -- what the storage said of its last change by then
ALTER TABLE objetos ADD COLUMN dano       TEXT NOT NULL DEFAULT ''; -- 'ausente', 'alterado', 'ilegible'; '' for none
CREATE INDEX objetos_verificado ON objetos (verificado);
CREATE INDEX objetos_dano ON objetos (dano) WHERE dano <> '';

-- +goose Down
DROP INDEX objetos_dano;
DROP INDEX objetos_verificado;
ALTER TABLE objetos DROP COLUMN dano;
ALTER TABLE objetos DROP COLUMN marca;
ALTER TABLE objetos DROP COLUMN verificado;
