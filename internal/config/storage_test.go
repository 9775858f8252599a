package config

import (
	"strings"
	"testing"
)

func TestStorage_WhenTheAddressIsGiven(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"":                               true,
		"file:///srv/pasarela":           true,
		"s3://paquetes?region=us-east-1": true,
		"s3://paquetes/?region=x&endpoint=https://minio.example:9000&use_path_style=true&ssetype=aws:kms&kmskeyid=k": true,
		"s3://paquetes?endpoint=http://minio:9000&request_checksum_calculation=when_supported":                       true,

		"gs://paquetes": false, "mem://": false, "/srv/pasarela": false, "paquetes": false, "file:": false, "file:///": false,
		"file://srv/pasarela": false, "file://./canario": false, "file:///srv?metadata=canario": false, "file:///srv#canario": false,
		"s3://": false, "s3://paquetes/canario": false, "s3://paquetes#canario": false, "s3://id:canario@paquetes": false,
		"s3://paquetes?secret_access_key=canario": false, "s3://paquetes?anonymous=true": false, "s3://paquetes?region=a&region=b": false,
		"s3://paquetes?endpoint=minio:9000": false, "s3://paquetes?endpoint=https://id:canario@minio": false, "s3://paquetes?a=%zz": false,
		"s3://%zz": false,
	} {
		err := Config{BlobURL: address}.Check()
		told := err != nil && strings.Contains(err.Error(), "GATEWAY_BLOB_URL")
		if told == good {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "canario") {
			t.Errorf("%q is shown: %v", address, err)
		}
	}
}

func TestShared_WhenTheDatabaseIs(t *testing.T) {
	t.Parallel()
	if err := shared(true, ""); err == nil || !strings.Contains(err.Error(), "GATEWAY_BLOB_URL") || !strings.Contains(err.Error(), "GATEWAY_DATABASE_URL") {
		t.Errorf("error %v", err)
	}
	for _, err := range []error{shared(false, ""), shared(true, "s3://paquetes"), shared(false, "s3://paquetes")} {
		if err != nil {
			t.Error(err)
		}
	}
}
