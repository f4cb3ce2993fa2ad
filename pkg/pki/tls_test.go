package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"testing"
)

func TestTLS(t *testing.T) {
	mine, _ := newLab(t, 2)
	other, _ := newLab(t, 2)
	server := endpoint(t, mine, mine, "node1", "etcd")
	server.ClientAuth = tls.RequireAndVerifyClientCert
	for _, test := range []struct {
		name   string
		client *tls.Config
		works  bool
	}{
		{"operator", endpoint(t, mine, mine, "", "etcd-client"), true},
		{"peer", endpoint(t, mine, mine, "node2", "etcd"), true},
		{"client that trusts another authority", endpoint(t, other, mine, "node2", "etcd"), false},
		{"client of another authority", endpoint(t, mine, other, "node2", "etcd"), false},
		{"client without a certificate", &tls.Config{RootCAs: server.RootCAs, ServerName: "node1", Time: clock}, false},
		{"client that wants another machine", func() *tls.Config {
			c := endpoint(t, mine, mine, "node2", "etcd")
			c.ServerName = "node2"
			return c
		}(), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := handshake(t, server, test.client); (err == nil) != test.works {
				t.Errorf("the handshake gave: %v", err)
			}
		})
	}
}

// endpoint trusts the authority of one bundle and shows a certificate of another.
func endpoint(t *testing.T, trusted, shown *Bundle, machine, name string) *tls.Config {
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
func handshake(t *testing.T, server, client *tls.Config) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialled, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		defer dialled.Close()
		conn := tls.Client(dialled, client)
		if err := conn.Handshake(); err != nil {
			done <- err
			return
		}
		// In TLS 1.3 a client that the server refuses learns it when it reads.
		_, err := conn.Read(make([]byte, 1))
		done <- err
	}()
	conn := tls.Server(accepted, server)
	_, err = conn.Write([]byte("x"))
	_ = conn.Close()
	return errors.Join(err, <-done)
}
