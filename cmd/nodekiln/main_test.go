package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nodekiln": func() { os.Exit(run()) }})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_CACHE_HOME", e.WorkDir+"/cache")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command that must end with the exit code that is its first argument: exits 3 nodekiln validate x.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGS]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("the exit code is %s, not %s", got, args[0])
	}
}

func TestFlagsFirst(t *testing.T) {
	app := newApp(environment{})
	for _, c := range []struct{ in, want string }{
		{"nodekiln build c.yaml -o out", "nodekiln build -o out c.yaml"},
		{"nodekiln build c.yaml --out=out --force", "nodekiln build --out=out --force c.yaml"},
		{"nodekiln build --force c.yaml", "nodekiln build --force c.yaml"},
		{"nodekiln build -- -c.yaml --out", "nodekiln build -- -c.yaml --out"},
		{"nodekiln build c.yaml --force --out", "nodekiln build --out"},
		{"nodekiln plan c.yaml --format json -h", "nodekiln plan -h"},
		{"nodekiln validate -", "nodekiln validate -"},
		{"nodekiln certs c.yaml --format json", "nodekiln certs --format json c.yaml"},
		{"nodekiln certs renew c.yaml --within 3d --all", "nodekiln certs renew --within 3d --all c.yaml"},
		{"nodekiln certs renew c.yaml -h", "nodekiln certs renew -h"},
		{"nodekiln", "nodekiln"},
		{"nodekiln nothing -x", "nodekiln nothing -x"},
	} {
		if got := flagsFirst(app, strings.Fields(c.in)); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s: got %q, want %q", c.in, got, c.want)
		}
	}
}

// writeBrought writes the files that the README's cluster files bring: cfssl's and an authority.
func writeBrought(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"ca.pem":         pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		"ca-key.pem":     pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"ca-config.json": []byte(`{"signing": {"default": {"expiry": "8760h"}}}`),
		"ca-csr.json":    []byte(`{"CN": "kubernetes", "key": {"algo": "rsa", "size": 2048}, "names": [{"C": "CN", "O": "k8s"}]}`),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadmeIsTrue validates each cluster file of the README, and holds the one that init is said to write against what
// it writes.
func TestReadmeIsTrue(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(b), -1)
	if len(blocks) == 0 {
		t.Fatal("the README has no cluster file")
	}
	dir := t.TempDir()
	writeBrought(t, dir)
	for _, block := range blocks {
		file := filepath.Join(dir, "cluster.yaml")
		if err := os.WriteFile(file, []byte(block[1]), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := build.Load(file, time.Now()); err != nil {
			t.Error(err)
		}
	}
	p, err := profile.Load("etcd")
	if err != nil {
		t.Fatal(err)
	}
	example, err := p.Example()
	if err != nil {
		t.Fatal(err)
	}
	if blocks[0][1] != string(example) {
		t.Error("the README's first cluster file is not what init writes")
	}
	for _, c := range newApp(environment{}).Commands {
		if !strings.Contains(string(b), "nodekiln "+c.Name) {
			t.Errorf("the README does not tell of the command %s", c.Name)
		}
	}
}
