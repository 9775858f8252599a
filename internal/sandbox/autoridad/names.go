package autoridad

import (
	"crypto/x509/pkix"
	"encoding/asn1"
)

// The attribute types of the SAT's names (X.520, PKCS#9).
var (
	oidCommonName         = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidSerialNumber       = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidCountry            = asn1.ObjectIdentifier{2, 5, 4, 6}
	oidLocality           = asn1.ObjectIdentifier{2, 5, 4, 7}
	oidState              = asn1.ObjectIdentifier{2, 5, 4, 8}
	oidStreet             = asn1.ObjectIdentifier{2, 5, 4, 9}
	oidOrganization       = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidOrganizationalUnit = asn1.ObjectIdentifier{2, 5, 4, 11}
	oidPostalCode         = asn1.ObjectIdentifier{2, 5, 4, 17}
	oidName               = asn1.ObjectIdentifier{2, 5, 4, 41}
	oidUniqueIdentifier   = asn1.ObjectIdentifier{2, 5, 4, 45}
	oidEmail              = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	oidUnstructuredName   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 2}
)

// attribute is one RDN whose value is a PrintableString when its letters allow
// it and a UTF8String otherwise.
func attribute(oid asn1.ObjectIdentifier, value string) pkix.RelativeDistinguishedNameSET {
	return pkix.RelativeDistinguishedNameSET{{Type: oid, Value: value}}
}

// ia5 is one RDN with an IA5String, which PKCS#9 asks for e-mail addresses.
func ia5(oid asn1.ObjectIdentifier, value string) pkix.RelativeDistinguishedNameSET {
	return pkix.RelativeDistinguishedNameSET{{
		Type:  oid,
		Value: asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagIA5String, Bytes: []byte(value)},
	}}
}
