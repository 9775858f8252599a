package cli

//go:generate go run ./gendoc ../../docs/linea-de-ordenes.md
