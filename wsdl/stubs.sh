#!/bin/sh -e
# Writes the stub of each contract wsdl/SYSTEM/NAME.wsdl as soap/SYSTEM/NAME/NAME.go,
# below the current directory.
for contract in ../wsdl/*/*.wsdl; do
	name=$(basename "$contract" .wsdl)
	system=$(basename "$(dirname "$contract")")
	mkdir -p "soap/$system/$name"
	go tool gowsdl -d "soap/$system" -p "$name" -o "$name.go" "$contract"
done
