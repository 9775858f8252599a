package pade

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// The bounds of reading a service's WSDL.
const (
	maxWSDL     = 1 << 20
	timeoutWSDL = 30 * time.Second
)

const nsWSDL = "http://schemas.xmlsoap.org/wsdl/"

// contract is what a service's own WSDL tells, or the configuration does.
type contract struct {
	namespace string
	// operations is nil when it is not known what is offered.
	operations []string
}

// service is one of the PAC's, with its contract learnt at first use.
type service struct {
	url       string
	namespace string // configured; empty to ask the service
	setting   string // names the variable of the namespace
	base      http.RoundTripper

	mu     sync.Mutex
	learnt *contract
}

// contract returns the namespace and what is offered. Only names are taken from
// the WSDL: its address is in the clear and is never followed (pade.md §2.1).
func (s *service) contract(ctx context.Context) (contract, error) {
	if s.namespace != "" {
		return contract{namespace: s.namespace}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.learnt != nil {
		return *s.learnt, nil
	}
	learnt, err := s.read(ctx)
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		return contract{}, system().Untrusted(err)
	}
	if err != nil {
		return contract{}, &gateway.Error{Kind: gateway.KindNoDisponible, Backend: backend, Reintentable: true, NoEnviada: true, Err: err,
			Detail: "No se pudo leer el contrato (WSDL) del servicio de Prodigia para conocer su espacio de nombres; la petición no salió. Configure " + s.setting + " o repita más tarde."}
	}
	s.learnt = &learnt
	return learnt, nil
}

// offers tells whether an operation may be called.
func (c contract) offers(operation string) bool {
	return c.operations == nil || slices.Contains(c.operations, operation)
}

func (s *service) read(ctx context.Context) (contract, error) {
	ctx, cancel := context.WithTimeout(ctx, timeoutWSDL)
	defer cancel()
	u, err := url.Parse(s.url)
	if err != nil {
		return contract{}, err
	}
	u.RawQuery = "wsdl"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return contract{}, err
	}
	resp, err := s.base.RoundTrip(req)
	if err != nil {
		return contract{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxWSDL))
	if err != nil {
		return contract{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return contract{}, fmt.Errorf("pade: the WSDL answers HTTP %d", resp.StatusCode)
	}
	return parseWSDL(body)
}

// parseWSDL reads the names of a WSDL 1.1.
func parseWSDL(body []byte) (contract, error) {
	var doc struct {
		XMLName         xml.Name
		TargetNamespace string `xml:"targetNamespace,attr"`
		PortTypes       []struct {
			Operations []struct {
				Name string `xml:"name,attr"`
			} `xml:"http://schemas.xmlsoap.org/wsdl/ operation"`
		} `xml:"http://schemas.xmlsoap.org/wsdl/ portType"`
	}
	if err := xml.NewDecoder(bytes.NewReader(body)).Decode(&doc); err != nil {
		return contract{}, err
	}
	if doc.XMLName.Space != nsWSDL || doc.XMLName.Local != "definitions" || doc.TargetNamespace == "" {
		return contract{}, errors.New("pade: not a WSDL with a target namespace")
	}
	out := contract{namespace: doc.TargetNamespace}
	for _, port := range doc.PortTypes {
		for _, op := range port.Operations {
			out.operations = append(out.operations, op.Name)
		}
	}
	return out, nil
}
