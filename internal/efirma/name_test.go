package efirma

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
)

func TestIssuerName_WhenWritten(t *testing.T) {
	one := func(oid asn1.ObjectIdentifier, v any) pkix.RelativeDistinguishedNameSET {
		return pkix.RelativeDistinguishedNameSET{{Type: oid, Value: v}}
	}
	cn := oidCommonName
	correo := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	tests := []struct {
		name string
		rdns pkix.RDNSequence
		want string
	}{
		{
			"in the certificate's order",
			pkix.RDNSequence{one(cn, "AC UAT"), one(oidOrganization, "SAT"), one(correo, "a@b.mx"), one(oidUniqueIdentifier, "2.5.4.45")},
			"CN=AC UAT,O=SAT,emailAddress=a@b.mx,x500UniqueIdentifier=2.5.4.45",
		},
		{
			"every name the SAT uses",
			pkix.RDNSequence{
				one(asn1.ObjectIdentifier{2, 5, 4, 11}, "u"), one(asn1.ObjectIdentifier{2, 5, 4, 9}, "s"),
				one(asn1.ObjectIdentifier{2, 5, 4, 17}, "p"), one(asn1.ObjectIdentifier{2, 5, 4, 6}, "MX"),
				one(asn1.ObjectIdentifier{2, 5, 4, 8}, "st"), one(asn1.ObjectIdentifier{2, 5, 4, 7}, "l"),
				one(asn1.ObjectIdentifier{2, 5, 4, 41}, "n"), one(asn1.ObjectIdentifier{2, 5, 4, 5}, "sn"),
				one(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 2}, "responsable: x"),
			},
			"OU=u,street=s,postalCode=p,C=MX,ST=st,L=l,name=n,serialNumber=sn,unstructuredName=responsable: x",
		},
		{"unknown attribute", pkix.RDNSequence{one(asn1.ObjectIdentifier{1, 2, 3, 4}, "x")}, "1.2.3.4=x"},
		{"reserved characters", pkix.RDNSequence{one(cn, `a,b+c"d\e<f>g;h=i`)}, `CN=a\,b\+c\"d\\e\<f\>g\;h=i`},
		{"blanks at the ends", pkix.RDNSequence{one(cn, " a  b ")}, `CN=\ a  b\ `},
		{"number sign first", pkix.RDNSequence{one(cn, "#a#")}, `CN=\#a#`},
		{"control characters", pkix.RDNSequence{one(cn, "a\nb\x00")}, `CN=a\0Ab\00`},
		{"letters with accents", pkix.RDNSequence{one(cn, "Ñandú & Cía")}, "CN=Ñandú & Cía"},
		{
			"several values in one",
			pkix.RDNSequence{{{Type: cn, Value: "a"}, {Type: oidOrganization, Value: "b"}}, one(cn, "c")},
			"CN=a+O=b,CN=c",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := asn1.Marshal(tt.rdns)
			if err != nil {
				t.Fatal(err)
			}
			key := treasure(t).one
			cert, err := x509.ParseCertificate(certify(t, &x509.Certificate{RawSubject: raw}, key.Public(), key))
			if err != nil {
				t.Fatal(err)
			}
			if got := issuerName(cert); got != tt.want {
				t.Errorf("issuerName = %q, want %q", got, tt.want)
			}
		})
	}
}
