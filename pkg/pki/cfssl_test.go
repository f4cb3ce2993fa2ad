package pki

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// The files in the shape that people write them in.
const (
	caConfig = `{
  "signing": {
    "default": {
      "expiry": "8760h"
    },
    "profiles": {
      "kubernetes": {
        "usages": [
          "signing",
          "key encipherment",
          "server auth",
          "client auth"
        ],
        "expiry": "8760h"
      }
    }
  }
}
`
	caRequest = `{
  "CN": "kubernetes",
  "key": {
    "algo": "rsa",
    "size": 2048
  },
  "ca": {
    "expiry": "87600h"
  },
  "names": [
    {
      "C": "CN",
      "ST": "BeiJing",
      "L": "BeiJing",
      "O": "k8s",
      "OU": "System"
    }
  ]
}
`
)

func cfsslPlan() (plan.PKI, plan.Authority) {
	return plan.PKI{
		Key: "rsa-2048", Expiry: 8760 * time.Hour, CAExpiry: 87600 * time.Hour,
		Subject: plan.Subject{Country: "CN", Province: "BeiJing", Locality: "BeiJing", Organization: "k8s", Unit: "System"},
	}, plan.Authority{Name: "kubernetes", CommonName: "kubernetes"}
}

func TestCFSSLFilesThereAndBack(t *testing.T) {
	p, a := cfsslPlan()
	config, errConfig := SigningConfigJSON(p)
	request, errRequest := RequestJSON(p, a)
	if errConfig != nil || errRequest != nil || string(config) != caConfig || string(request) != caRequest {
		t.Fatalf("the files are (%v, %v)\n%s%s", errConfig, errRequest, config, request)
	}
	if c, err := ParseSigningConfig("ca-config.json", config); err != nil || c.Expiry != p.Expiry {
		t.Errorf("the config reads as %v: %v", c, err)
	}
	r, err := ParseRequest("ca-csr.json", request)
	if want := (AuthorityRequest{"kubernetes", "rsa-2048", p.CAExpiry, p.Subject}); err != nil || r != want {
		t.Errorf("the request reads as %v: %v", r, err)
	}
	// Without a subject, and with times that are not of whole hours.
	p = plan.PKI{Key: "ecdsa-p384", Expiry: 90 * time.Minute, CAExpiry: 36*time.Hour + 5*time.Second}
	config, _ = SigningConfigJSON(p)
	request, _ = RequestJSON(p, a)
	if !bytes.Contains(config, []byte(`"1h30m"`)) || !bytes.Contains(request, []byte(`"36h0m5s"`)) || bytes.Contains(request, []byte("names")) {
		t.Errorf("the files are\n%s%s", config, request)
	}
	if r, err := ParseRequest("ca-csr.json", request); err != nil || r != (AuthorityRequest{"kubernetes", "ecdsa-p384", p.CAExpiry, p.Subject}) {
		t.Errorf("the request reads as %v: %v", r, err)
	}
}

func TestRequestOfBroughtAuthority(t *testing.T) {
	own := newOwnAuthority(t, opensslECDSA, "-days", "100")
	p := own.bringing(t, nil)
	b, err := RequestJSON(p, p.Authorities[0])
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseRequest("ca-csr.json", b)
	want := AuthorityRequest{"Example CA", "ecdsa-p384", 2400 * time.Hour, plan.Subject{Organization: "Example"}}
	if err != nil || r != want {
		t.Errorf("the request reads as %v: %v", r, err)
	}
}

func TestParseSigningConfig(t *testing.T) {
	for _, test := range []struct {
		name, text string
		expiry     time.Duration
		// want are the lines of the error.
		want []string
	}{
		{"default alone", `{"signing":{"default":{"expiry":"48h"}}}`, 48 * time.Hour, nil},
		{"cfssl's default", `{"signing":{"profiles":{}}}`, 8760 * time.Hour, nil},
		{"profile wins", `{"signing":{"default":{"expiry":"1h"},"profiles":{"k":{"usages":["signing","server auth","client auth"],"expiry":"2h"}}}}`, 2 * time.Hour, nil},
		{"profiles that share the work", `{"signing":{"profiles":{"c":{"usages":["client auth"],"expiry":"2h"},"s":{"usages":["server auth"],"expiry":"120m"}}}}`, 2 * time.Hour, nil},
		{
			"profiles that differ", `{"signing":{"profiles":{"c":{"usages":["client auth"],"expiry":"2h"},"s":{"usages":["server auth"],"expiry":"3h"}}}}`, 0,
			[]string{`f.json:1:100: signing.profiles.s.expiry: differs from that of signing.profiles.c`},
		},
		{"no signing", `{}`, 0, []string{"f.json: has no signing"}},
		{"nothing", ``, 0, []string{"f.json:1:1: unexpected end of JSON"}},
		{"ends early", "{\n \"signing\": {", 0, []string{"f.json:2:13: unexpected end of JSON"}},
		{"no JSON", "{\n  \"signing\": x\n}", 0, []string{"f.json:2:14: invalid character 'x'"}},
		{"trailing text", "{\"signing\":{\"default\":{\"expiry\":\"1h\"}}}\n  {}", 0, []string{"f.json:2:3: invalid character '{' after top-level value"}},
		{"wrong type", "{\"signing\":\n {\"default\":{\"expiry\": 5}}}", 0, []string{"f.json:2:24: signing.default.expiry: a JSON number is not"}},
		{
			"unknown keys", "{\"signing\":{\"default\":{\"expiry\":\"1h\",\n  \"auth_key\":\"k\", \"Expiry\":{\"a\":[1]}}},\n\"x\":[{}]}", 0,
			[]string{"f.json:2:3: signing.default.auth_key: is not something", "f.json:2:19: signing.default.Expiry: is not", "f.json:3:1: x: is not"},
		},
		{"key twice", `{"signing":{"default":{"expiry":"1h","expiry":"2h"}}}`, 0, []string{"f.json:1:38: signing.default.expiry: is there twice"}},
		{"all durations", "{\"signing\":{\"default\":{\"expiry\":\"-1h\"},\n\"profiles\":{\"k\":{\"usages\":[\"any\"],\"expiry\":\"1y\"}}}}", 0, []string{`f.json:1:24: signing.default.expiry: "-1h" is not positive`, `f.json:2:35: signing.profiles.k.expiry: "1y" is no duration`}},
		{"fraction", `{"signing":{"default":{"expiry":"1ms"}}}`, 0, []string{"not in whole seconds"}},
		{"no expiry", `{"signing":{"default":{}}}`, 0, []string{"f.json:1:13: signing.default: has no expiry"}},
		{"null", `{"signing":{"profiles":{"k":null}}}`, 0, []string{"signing.profiles.k: is null"}},
		{"no usages", `{"signing":{"profiles":{"k":{"expiry":"1h"}}}}`, 0, []string{"f.json: cfssl refuses it: "}},
		{"unknown usage", `{"signing":{"profiles":{"k":{"expiry":"1h","usages":["any","flying"]}}}}`, 0, []string{`signing.profiles.k.usages: cfssl knows no usage "flying"`}},
		{"servers alone", `{"signing":{"profiles":{"k":{"expiry":"1h","usages":["server auth"]}}}}`, 0, []string{`f.json:1:2: signing: no profile has the usage "client auth"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := ParseSigningConfig("f.json", []byte(test.text))
			wantLines(t, err, test.want)
			if err == nil && c.Expiry != test.expiry {
				t.Errorf("the expiry is %v, want %v", c.Expiry, test.expiry)
			}
		})
	}
}

func TestParseRequest(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"empty hosts", `{"CN":"k","hosts":[]}`, nil},
		{"all that is unsupported", "{\n\"key\":{\"algo\":\"dsa\",\"size\":512},\n\"names\":[{\"C\":\"CN\"},{\"O\":\"b\"}],\n\"ca\":{\"expiry\":\"-2h\"},\n\"hosts\":[\"a\"]}", []string{
			"f.json:2:1: key: dsa with 512 bits is none of rsa", `f.json:4:7: ca.expiry: "-2h" is not positive`,
			"f.json:5:1: hosts: an authority is no host", "f.json:3:1: names: has 2 names",
		}},
		{"rsa without a size", `{"key":{"algo":"rsa"}}`, []string{"key: rsa with 0 bits"}},
		{"other curve", `{"key":{"algo":"ecdsa","size":521}}`, []string{"key: ecdsa with 521 bits"}},
		{"path length", `{"ca":{"pathlen":3}}`, []string{"f.json:1:8: ca.pathlen: is not something"}},
		{"mail", `{"names":[{"O":"a","E":"a@example.com"}]}`, []string{"f.json:1:20: names[0].E: is not something"}},
		{"subject", `{"CN":"` + strings.Repeat("ü", 65) + `","names":[{"C":"China","O":"` + strings.Repeat("x", 65) + `"}]}`, []string{
			"CN: longer than 64 characters", `names[0].C: "China" is no country code`, "names[0].O: longer than 64",
		}},
		{"array", `[]`, []string{"f.json"}},
		{"name as text", `{"names":"k8s"}`, []string{"f.json:1:14: names: a JSON string is not"}},
		{"null", `null`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseRequest("f.json", []byte(test.text))
			wantLines(t, err, test.want)
		})
	}
}

// wantLines compares an error with the beginnings of its lines, or with parts of them where they do not begin with the
// file's name.
func wantLines(t *testing.T, err error, want []string) {
	t.Helper()
	if err == nil {
		if len(want) > 0 {
			t.Errorf("there is no error, want %q", want)
		}
		return
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("the error is\n%v\nwant %q", err, want)
		return
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, "f.json") || !strings.Contains(line, want[i]) || strings.HasPrefix(want[i], "f.json") && !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d is %q, want %q", i, line, want[i])
		}
	}
}

func FuzzParseCFSSL(f *testing.F) {
	for _, s := range []string{caConfig, caRequest, `{"signing":{"profiles":{"k":null}}}`, `{"names":[{"C":"CN"},[]]}`, "{\"a\\\"b\" : 1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseSigningConfig("f.json", b)
		if err == nil && c.Expiry <= 0 {
			t.Errorf("%q is accepted with the expiry %v", b, c.Expiry)
		}
		if r, err := ParseRequest("f.json", b); err == nil && !json.Valid(b) {
			t.Errorf("%q is accepted as %v", b, r)
		}
	})
}

// realCFSSL builds the program of the module that this project signs with.
func realCFSSL(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	// The program needs modules that the library does not; they are noted in copies.
	for _, name := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "cfssl")
	build := exec.Command("go", "build", "-modfile", filepath.Join(dir, "go.mod"), "-mod=mod", "-o", program, "github.com/cloudflare/cfssl/cmd/cfssl")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
			t.Fatalf("build cfssl: %v\n%s", err, said)
		}
		t.Skipf("build cfssl: %v\n%s", err, said)
	}
	return program
}

func TestCFSSLAcceptsItsFiles(t *testing.T) {
	openssl := outside(t, "openssl")
	program := realCFSSL(t)
	dir := t.TempDir()
	cfssl := func(args ...string) map[string]string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("cfssl %s: %v\n%s", strings.Join(args, " "), err, &said)
		}
		var made map[string]string
		if err := json.Unmarshal(out, &made); err != nil {
			t.Fatal(err)
		}
		return made
	}
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, a := cfsslPlan()
	config, errConfig := SigningConfigJSON(p)
	request, errRequest := RequestJSON(p, a)
	if errConfig != nil || errRequest != nil {
		t.Fatal(errConfig, errRequest)
	}
	write("ca-config.json", config)
	write("ca-csr.json", request)
	ca := cfssl("gencert", "-initca", "ca-csr.json")
	write("ca.pem", []byte(ca["cert"]))
	write("ca-key.pem", []byte(ca["key"]))
	if err := CheckAuthority([]byte(ca["cert"]), []byte(ca["key"]), now()); err != nil {
		t.Errorf("what cfssl makes of its files cannot be brought: %v", err)
	}
	wantText(t, openssl("x509", "-noout", "-text", "-in", filepath.Join(dir, "ca.pem")), "Public-Key: (2048 bit)",
		"Subject: C = CN, ST = BeiJing, L = BeiJing, O = k8s, OU = System, CN = kubernetes\n", "CA:TRUE")

	write("server-csr.json", []byte(`{"CN":"server","hosts":["127.0.0.1","server.example.com"],"key":{"algo":"ecdsa","size":256}}`))
	server := cfssl("gencert", "-ca", "ca.pem", "-ca-key", "ca-key.pem", "-config", "ca-config.json", "-profile", "kubernetes", "server-csr.json")
	write("server.pem", []byte(server["cert"]))
	for _, purpose := range []string{"sslserver", "sslclient"} {
		openssl("verify", "-x509_strict", "-purpose", purpose, "-verify_hostname", "server.example.com",
			"-CAfile", filepath.Join(dir, "ca.pem"), filepath.Join(dir, "server.pem"))
	}
	// The authority that the cluster has can sign by the same files, as the deployment has it on its machines.
	_, bundle := newLab(t, 1)
	signed := cfssl("gencert", "-ca", filepath.Join(bundle, "ca/etcd/ca.pem"), "-ca-key", filepath.Join(bundle, "ca/etcd/ca-key.pem"),
		"-config", "ca-config.json", "-profile", "kubernetes", "server-csr.json")
	if !strings.Contains(signed["cert"], "BEGIN CERTIFICATE") {
		t.Error("cfssl does not sign with the cluster's authority")
	}
}
