package pki

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// keyLines gives the lines of all private keys of a bundle, and its id. Files of OpenSSH hold the public key too, in
// lines that can be those of its own file.
func keyLines(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	var public []byte
	root, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.close()
	err = fs.WalkDir(root.root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(p) == ".pem" && !strings.HasSuffix(p, "-key.pem") {
			return err
		}
		content, err := root.root.ReadFile(p)
		if filepath.Ext(p) == ".pub" || filepath.Ext(p) == ".csr" {
			public = append(public, content...)
			return err
		}
		for line := range strings.Lines(string(content)) {
			if line = strings.TrimSpace(line); len(line) >= 16 && !strings.HasPrefix(line, "-----") {
				lines = append(lines, line)
			}
		}
		return err
	})
	lines = slices.DeleteFunc(lines, func(line string) bool { return bytes.Contains(public, []byte(line)) })
	if err != nil || len(lines) < 10 {
		t.Fatalf("%d lines of keys in %s: %v", len(lines), dir, err)
	}
	return lines
}

// wantNoSecret looks for keys in a text, in the forms that Go prints bytes in.
func wantNoSecret(t *testing.T, what, text string, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		forms := []string{
			s, fmt.Sprintf("%x", s), fmt.Sprintf("%X", s), strings.Trim(fmt.Sprintf("%d", []byte(s)), "[]"),
			strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(s)), "[]byte{"), "}"),
		}
		for i := range 3 { // JSON has bytes in base64, whose letters depend on how many came before
			part := s[i : i+(len(s)-i)/3*3]
			forms = append(forms, base64.StdEncoding.EncodeToString([]byte(part)))
		}
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Errorf("%s shows a key", what)
				return
			}
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	b, dir := newLab(t, 1)
	secrets := keyLines(t, dir)
	_, key, err := b.Certificate("node1", "etcd")
	if err != nil {
		t.Fatal(err)
	}
	if found := slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(string(key.Reveal()), s) }); !found {
		t.Fatal("the key that is revealed is not the one on the disk")
	}
	operator, err := b.OperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := b.Secret("node1", "bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range secret.forms() {
		secrets = append(secrets, string(form.Reveal()))
	}
	nested := struct {
		Key    Key
		hidden Key
		Secret Secret
		shared Secret
		ssh    []SSHKey
		bundle *Bundle
		all    Bundle
	}{key, key, secret, secret, []SSHKey{operator}, b, *b}
	for name, v := range map[string]any{
		"key": key, "pointer to a key": &key, "bundle": b, "dereferenced bundle": *b, "SSH key": operator,
		"nested": nested, "pointer to nested": &nested, "list": []any{key, b, operator}, "map": map[string]Key{"k": key},
		"pair": *b.holders["node1"].certs["etcd"], "cluster id": b.id, "secret": secret, "pointer to a secret": &secret,
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			wantNoSecret(t, name+" by "+verb, fmt.Sprintf(verb, v), secrets)
		}
		if text, err := json.Marshal(v); err == nil {
			wantNoSecret(t, name+" by JSON", string(text), secrets)
		}
		var out bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("made", "it", v, slog.Any("too", v))
		}
		wantNoSecret(t, name+" by slog", out.String(), secrets)
		wantNoSecret(t, name+" as an error", errors.Join(fmt.Errorf("use %v", v)).Error(), secrets)
	}
	text, err := key.MarshalText()
	if err != nil || string(text) != redacted || key.String() != redacted || key.GoString() != redacted {
		t.Errorf("a key prints as %q (%v), %q and %q", text, err, key.String(), key.GoString())
	}
}

// TestSecretsAreFound is that the search of the tests above can find.
func TestSecretsAreFound(t *testing.T) {
	_, dir := newLab(t, 1)
	secret := keyLines(t, dir)[3]
	for _, verb := range []string{"%s", "%x", "%X", "%v", "%#v"} {
		probe := &testing.T{}
		wantNoSecret(probe, verb, fmt.Sprintf(verb, []byte("before "+secret+" behind")), []string{secret})
		if !probe.Failed() {
			t.Errorf("a key printed by %s is not found", verb)
		}
	}
	for _, before := range []string{"", "1", "12"} {
		text, err := json.Marshal([]byte(before + secret + " behind"))
		if err != nil {
			t.Fatal(err)
		}
		probe := &testing.T{}
		wantNoSecret(probe, "JSON", string(text), []string{secret})
		if !probe.Failed() {
			t.Errorf("a key in JSON behind %q is not found", before)
		}
	}
}

func TestRevealedBytesAreACopy(t *testing.T) {
	b, _ := newLab(t, 1)
	_, key, err := b.Certificate("node1", "etcd")
	if err != nil {
		t.Fatal(err)
	}
	clear(key.Reveal())
	if !bytes.HasPrefix(key.Reveal(), []byte("-----BEGIN PRIVATE KEY-----\n")) {
		t.Error("who clears what was revealed clears the key")
	}
	if (Key{}).Reveal() != nil {
		t.Error("the zero key reveals something")
	}
}

func TestDerivedIDs(t *testing.T) {
	b, dir := newLab(t, 2)
	seen := map[string]bool{}
	for _, id := range []string{
		b.DeriveUUID("machine-id", "node1"), b.DeriveUUID("machine-id", "node2"), b.DeriveUUID("root", "node1"),
		b.DeriveUUID("machine-id", ""), b.DeriveUUID("machine-idn", "ode1"),
	} {
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
			t.Errorf("%s is no UUID of version 4", id)
		}
		if seen[id] {
			t.Errorf("%s is there twice", id)
		}
		seen[id] = true
	}
	if id := b.MachineID("node1"); id != strings.ReplaceAll(b.DeriveUUID("machine-id", "node1"), "-", "") || len(id) != 32 {
		t.Errorf("the machine-id is %q", id)
	}
	again := ensure(t, dir, lab(machines(2)), machines(2))
	if other, _ := newLab(t, 2); again.MachineID("node1") != b.MachineID("node1") || other.MachineID("node1") == b.MachineID("node1") {
		t.Error("ids do not follow the bundle")
	}
	// A derivation that changes gives every machine of every cluster another identity.
	fixed := &Bundle{id: clusterID{newKey([]byte("0123456789abcdef"))}}
	if id := fixed.DeriveUUID("machine-id", "node1"); id != "5127b11e-eb8e-4037-b8d1-b4a6ddb8f1fa" {
		t.Errorf("the derivation has changed: %s", id)
	}
}

func TestUnknownNames(t *testing.T) {
	b, _ := newLab(t, 1)
	_, errAuthority := b.Authority("front-proxy")
	_, _, errMachine := b.Certificate("node2", "etcd")
	_, _, errName := b.Certificate("node1", "kubelet")
	_, errPublic := b.AuthorityPublicKey("front-proxy")
	_, errHash := b.AuthorityHash("front-proxy")
	_, errRequest := b.Request("front-proxy")
	_, errKey := b.AuthorityKey("node1", "front-proxy")
	_, errSecret := b.Secret("node1", "vrrp")
	_, errSSH := b.SSHHostKeys("node2")
	_, errOperator := b.SSHHostKeys("")
	for i, err := range []error{
		errAuthority, errPublic, errHash, errRequest, errKey, errSecret, errMachine, errName, errSSH, errOperator,
	} {
		if err == nil {
			t.Errorf("look-up %d of what is not there gave no error", i)
		}
	}
}

func TestList(t *testing.T) {
	_, dir := newLab(t, 2)
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	rows := b.List(issuedAt.Add(36 * time.Hour))
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%s/%s/%s by %q %d %s %v", r.Kind, r.Holder, r.Name, r.Authority, r.DaysLeft,
			r.UsableUntil.Format(time.DateOnly), r.SANs))
	}
	want := []string{
		`authority//etcd by "" 3648 2036-02-27 []`,
		`machine/node1/etcd by "etcd" 363 2027-03-01 [node1 node1.example.com localhost 127.0.0.1 10.1.0.0]`,
		`machine/node2/etcd by "etcd" 363 2027-03-01 [node2 node2.example.com localhost 127.0.0.1 10.1.0.1]`,
		`operator//etcd-client by "etcd" 363 2027-03-01 []`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("the rows are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if late := b.List(issuedAt.Add(8760*time.Hour + time.Second)); late[1].DaysLeft != -1 {
		t.Errorf("%d days are left of what has expired", late[1].DaysLeft)
	}
	if rows[1].Subject != "CN=node1,OU=System,O=k8s,L=XS,ST=BeiJing,C=CN" || rows[1].Issuer != rows[0].Subject {
		t.Errorf("subject and issuer are %q and %q", rows[1].Subject, rows[1].Issuer)
	}
	// An authority that ends first ends what it signed.
	b.authorities["etcd"].cert.NotAfter = issuedAt.Add(24 * time.Hour)
	if short := b.List(issuedAt)[1]; short.DaysLeft != 1 || !short.NotAfter.After(short.UsableUntil) {
		t.Errorf("with an authority that ends tomorrow, %d days are left", short.DaysLeft)
	}
}

func TestWriteTable(t *testing.T) {
	b, _ := newLab(t, 1)
	var out bytes.Buffer
	if err := WriteTable(&out, b.List(issuedAt)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines:\n%s", len(lines), &out)
	}
	fields := strings.Fields(lines[2])
	want := []string{
		"node1", "etcd", "CN=node1,OU=System,O=k8s,L=XS,ST=BeiJing,C=CN", "etcd", "2027-03-01", "2027-03-01", "364",
		"node1,node1.example.com,localhost,127.0.0.1,10.1.0.0",
	}
	if !slices.Equal(fields, want) {
		t.Errorf("the line of node1 is %q", lines[2])
	}
	if err := WriteTable(failing{}, b.List(issuedAt)); err == nil {
		t.Error("a table that cannot be written gave no error")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestOpenWithoutBundle(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none.pki")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opening what is not there gave: %v", err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("an empty directory is a bundle")
	}
}

// What an authority has signed is not to be issued anew because the authority can not be read.
func TestOpenTellsOfAnAuthorityAlone(t *testing.T) {
	_, dir := newLab(t, 2)
	key := filepath.Join(dir, "ca/etcd/ca-key.pem")
	if err := os.Chmod(key, 0o604); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir)
	if err == nil || !strings.Contains(err.Error(), "ca-key.pem: others can read") || strings.Contains(err.Error(), "signed") {
		t.Errorf("got %v", err)
	}
}
