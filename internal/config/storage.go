package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
)

// s3Params lists the allowed parameters of a bucket's address: those of gocloud.dev's
// s3blob about where and how to reach it. The credentials are chosen by the AWS SDK's own
// variables.
func s3Params() []string {
	return []string{"region", "endpoint", "use_path_style", "ssetype", "kmskeyid", "request_checksum_calculation", "response_checksum_validation"}
}

// storage checks the address of the package storage. It does not show the value, which
// may contain a credential.
func storage(name, value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil {
		return fmt.Errorf("%s: not a URL", name)
	}
	q, err := url.ParseQuery(u.RawQuery)
	switch {
	case err != nil || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%s: not a plain URL; credentials come from the variables of the AWS SDK", name)
	case u.Scheme == "file":
		if u.Host != "" || len(u.Path) < 2 || u.RawQuery != "" {
			return fmt.Errorf("%s: a folder is file:///folder, without anything else", name)
		}
		return nil
	case u.Scheme != "s3":
		return fmt.Errorf("%s: there are two kinds of storage, file:///folder and s3://bucket", name)
	case u.Host == "" || u.Path != "" && u.Path != "/":
		return fmt.Errorf("%s: a bucket is s3://bucket, without a path", name)
	}
	for param, values := range q {
		if !slices.Contains(s3Params(), param) || len(values) != 1 {
			return fmt.Errorf("%s: a parameter that means nothing here; there are %v", name, s3Params())
		}
	}
	if endpoint := q.Get("endpoint"); endpoint != "" {
		e, err := url.Parse(endpoint)
		if err != nil || e.Host == "" || e.User != nil || e.Scheme != "https" && e.Scheme != "http" {
			return fmt.Errorf("%s: its endpoint is not a plain http or https URL", name)
		}
	}
	return nil
}

// shared refuses a shared database with unshared packages: one gateway would answer for
// packages that only another one has.
func shared(database bool, blobURL string) error {
	if !database || blobURL != "" {
		return nil
	}
	return errors.New("GATEWAY_BLOB_URL: needed with GATEWAY_DATABASE_URL, so that every gateway of that database has the packages of the others: " +
		"s3://bucket?region=…, or file:///folder on a disk that all of them share")
}
