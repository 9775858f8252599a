-- +goose Up
-- What the SAT has delivered is kept also when something in it is broken; dudoso says
-- what. Another delivery takes its place if it is better.
ALTER TABLE paquetes ADD COLUMN dudoso   TEXT NOT NULL DEFAULT '';   -- what is wrong with the kept delivery
ALTER TABLE paquetes ADD COLUMN roto     INTEGER NOT NULL DEFAULT 0; -- it is no whole ZIP, and cannot be read
ALTER TABLE paquetes ADD COLUMN rotas    INTEGER NOT NULL DEFAULT 0; -- deliveries that came to their end and were no whole ZIP
ALTER TABLE paquetes ADD COLUMN iguales  INTEGER NOT NULL DEFAULT 0; -- two deliveries were the same bytes

-- +goose Down
ALTER TABLE paquetes DROP COLUMN iguales;
ALTER TABLE paquetes DROP COLUMN rotas;
ALTER TABLE paquetes DROP COLUMN roto;
ALTER TABLE paquetes DROP COLUMN dudoso;
