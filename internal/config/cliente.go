package config

import (
	"cmp"
	"errors"
	"os"

	"github.com/kelseyhightower/envconfig"
)

// Client holds the settings with which `gateway descargar` calls a running gateway. A
// gateway does not use them.
type Client struct {
	URL        string `upstream:"-" desc:"Address of a running gateway, for 'gateway descargar'. Empty to start one inside the command."`
	APIKeyFile string `split_words:"true" desc:"File that holds the API key of 'gateway descargar' and nothing else."`
}

// LoadClient reads the settings of the command line's client only.
func LoadClient() (Client, error) {
	var c Client
	return c, errors.Join(unknown(os.Environ()), envconfig.Process(Prefix, &c))
}

// One reads a single setting by its full name, or its default, and ignores the others: a
// health check must not fail because of a fault in settings that it does not use.
func One(name string) (string, error) {
	settings, err := Settings()
	if err != nil {
		return "", err
	}
	for _, s := range settings {
		if s.Name == name {
			return cmp.Or(os.Getenv(name), s.Default), nil
		}
	}
	return "", errors.New("config: there is no setting " + name)
}
