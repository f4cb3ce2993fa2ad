package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
)

func TestTLS(t *testing.T) {
	mine, _ := newLab(t, 2)
	other, _ := newLab(t, 2)
	server := config(t, mine, mine, "node1", "etcd")
	server.ClientAuth = tls.RequireAndVerifyClientCert
	for _, test := range []struct {
		name   string
		client *tls.Config
		works  bool
	}{
		{"operator", config(t, mine, mine, "", "etcd-client"), true},
		{"peer", config(t, mine, mine, "node2", "etcd"), true},
		{"client that trusts another authority", config(t, other, mine, "node2", "etcd"), false},
		{"client of another authority", config(t, mine, other, "node2", "etcd"), false},
		{"client without a certificate", &tls.Config{RootCAs: server.RootCAs, ServerName: "node1", Time: clock}, false},
		{"client that wants another machine", func() *tls.Config {
			c := config(t, mine, mine, "node2", "etcd")
			c.ServerName = "node2"
			return c
		}(), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := handshake(server, test.client); (err == nil) != test.works {
				t.Errorf("the handshake gave: %v", err)
			}
		})
	}
}

// config trusts the authority of one bundle and shows a certificate of another.
func config(t *testing.T, trusted, shown *Bundle, machine, name string) *tls.Config {
	t.Helper()
	ca, err := trusted.Authority("etcd")
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := shown.Certificate(machine, name)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool, ClientCAs: pool, ServerName: "node1", Time: clock}
}

// handshake gives the error of the side that refuses.
func handshake(server, client *tls.Config) error {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		conn := tls.Client(b, client)
		_, err := conn.Write([]byte("x"))
		_ = b.Close()
		done <- err
	}()
	if err := tls.Server(a, server).Handshake(); err != nil {
		_ = a.Close()
		<-done
		return err
	}
	_, _ = a.Read(make([]byte, 4096))
	return <-done
}
