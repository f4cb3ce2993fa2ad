package verdict

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// TestRefused has servers that want a certificate, and one that can not speak TLS with anybody.
func TestRefused(t *testing.T) {
	foreign, err := foreignIdentity(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	nobody := rest.TLSClientConfig{Insecure: true}
	foreign.Insecure = true
	for _, c := range []struct {
		name     string
		identity rest.TLSClientConfig
		server   *tls.Config
		said     string
		err      string
	}{
		{"no certificate", nobody, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}, "TLS handshake", ""},
		{"no certificate, TLS 1.2", nobody, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: tls.VersionTLS12}, "TLS handshake", ""},
		{"foreign certificate", foreign, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}, "TLS handshake", ""},
		{"foreign certificate, TLS 1.2", foreign, &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: tls.VersionTLS12}, "TLS handshake", ""},
		{"open", nobody, &tls.Config{}, "", "was answered to a stranger"},
		{"old", nobody, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "", "no refusal came from etcd of m"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			s.TLS, s.Config.ErrorLog = c.server, log.New(io.Discard, "", 0)
			s.StartTLS()
			defer s.Close()
			address := s.Listener.Addr().String()
			as, err := newAPI(Endpoint{Machine: "m", Address: address}, &rest.Config{Host: "https://" + address, TLSClientConfig: c.identity})
			if err != nil {
				t.Fatal(err)
			}
			// A connection that is reset may lose the alert: it is asked for again, as each does.
			eventually(t, "the server is judged", func(ctx context.Context) error {
				said, err := refused(ctx, door{api: as, name: "etcd", path: "/version"})
				if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) || !strings.Contains(said, c.said) {
					return fmt.Errorf("%q, %w", said, orNothing(err))
				}
				return nil
			})
		})
	}
}
