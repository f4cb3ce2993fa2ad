package cluster_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/nodekiln/nodekiln/pkg/cluster"
)

// beside writes files into a new directory, and the laboratory with more behind it as its cluster file.
func beside(t *testing.T, more string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "cluster.yaml")
	if err := os.WriteFile(file, []byte(laboratory+more), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOverlayReadsFilesAndLinks(t *testing.T) {
	file := beside(t, "overlays: [./site]\n", map[string]string{"site/etc/motd": "hello"})
	if err := os.Symlink("motd", filepath.Join(filepath.Dir(file), "site/etc/issue")); err != nil {
		t.Fatal(err)
	}
	spec, err := cluster.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(spec.Additions.Overlays); n != 1 {
		t.Fatalf("%d overlays", n)
	}
	overlay := spec.Additions.Overlays[0].FS
	if b, err := fs.ReadFile(overlay, "etc/motd"); err != nil || string(b) != "hello" {
		t.Errorf("the file holds %q: %v", b, err)
	}
	if target, err := fs.ReadLink(overlay, "etc/issue"); err != nil || target != "motd" {
		t.Errorf("the link leads to %q: %v", target, err)
	}
	if _, err := fs.Stat(overlay, "cluster.yaml"); err == nil {
		t.Error("the overlay has the cluster file")
	}
}

func TestAddonsTellNoneFromDefault(t *testing.T) {
	for more, want := range map[string][]cluster.Addon{
		"":             nil,
		"addons: []\n": {},
		"addons: [coredns, ./metallb.yaml]\n": {
			{Name: "coredns", Path: "addons[0]"},
			{Name: "./metallb.yaml", Content: []byte("kind: Namespace\n"), Path: "addons[1]"},
		},
	} {
		spec, err := cluster.Parse("cluster.yaml", []byte(laboratory+more), sources())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, spec.Addons); diff != "" {
			t.Errorf("%q (-want +got):\n%s", more, diff)
		}
	}
}

func TestAuthoritiesAreReadWhereNobodyElseReadsTheKey(t *testing.T) {
	const secret = "the private key"
	file := beside(t, "pki: {authorities: {kubernetes: {certificate: ./ca/ca.pem, key: ca/ca-key.pem}}}\n",
		map[string]string{"ca/ca.pem": "the certificate", "ca/ca-key.pem": secret})
	spec, err := cluster.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	got := spec.PKI.Authorities["kubernetes"]
	if string(got.Certificate) != "the certificate" || string(got.Key) != secret || got.Path != "pki.authorities.kubernetes" {
		t.Errorf("got %s, certificate %q", got, got.Certificate)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", got, spec.PKI, got, got); strings.Contains(shown, "private") || strings.Contains(shown, fmt.Sprint([]byte("priv"))[1:16]) {
		t.Errorf("the key shows in %s", shown)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o610} {
		key := filepath.Join(filepath.Dir(file), "ca/ca-key.pem")
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		_, err := cluster.Load(file)
		want := fmt.Sprintf(`pki.authorities.kubernetes.key: "ca/ca-key.pem" is a private key that others can read (mode %04o): chmod 600 ca/ca-key.pem`, mode)
		if err == nil || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("mode %o: got %v", mode, err)
		}
	}
}

func TestLaterStagesFindThePlaceOfAdditions(t *testing.T) {
	spec, err := cluster.Load("testdata/valid/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"kubernetes.version":          "6:12",
		"network.pods":                "14:9",
		"registries.insecure[1]":      "18:37",
		"pki.config":                  "20:11",
		"addons[1]":                   "22:19",
		"overlays[0]":                 "23:12",
		"butane[0]":                   "24:10",
		"units[0].dropins[1].source":  "37:38",
		"args.kubelet.max-pods":       "42:23",
		"roles.node":                  "46:5",
		"roles.node.files[0].path":    "48:20",
		"roles.node.files[0].user":    "48:13",
		"roles.master":                "51:11",
		"machines[1].butane[0]":       "58:14",
		"machines[1].args.kube-proxy": "60:53",
	} {
		if got := spec.At(path).String(); got != "testdata/valid/kubernetes.yaml:"+want {
			t.Errorf("%s is at %s, want %s", path, got, want)
		}
	}
	for _, a := range slices.Concat(spec.Additions.Args["kubelet"], spec.RoleAdditions["node"].Args["kubelet"], spec.Machines[2].Additions.Args["kubelet"]) {
		if at := spec.At(a.Path); at == spec.At("nowhere") || !strings.HasSuffix(a.Path, "."+a.Name) {
			t.Errorf("%s has the path %s, at %s", a.Name, a.Path, at)
		}
	}
}

func TestLaterStagesFindThePlaceOfAnAuthority(t *testing.T) {
	more := "pki:\n  authorities:\n    kubernetes:\n      certificate: ca.pem\n      key: ca-key.pem\n"
	spec, err := cluster.Parse("cluster.yaml", []byte(laboratory+more), sources())
	if err != nil {
		t.Fatal(err)
	}
	if got := spec.At("pki.authorities.kubernetes.key").String(); got != "cluster.yaml:15:12" {
		t.Errorf("the key is at %s", got)
	}
}

func TestAddonsAreManifests(t *testing.T) {
	for content, want := range map[string]string{
		"# nothing\n---\n":                       "holds no manifest",
		"kind: Namespace\nmetadata: [\n":         "is not well-formed: yaml: line 2",
		"to be done\n":                           "holds in line 1 what is no manifest",
		"kind: Namespace\n---\nname: lab\n":      "holds in line 3 what is no manifest",
		"---\nkind: Namespace\n---\n# nothing\n": "",
		`{"kind": "Namespace"}`:                  "",
	} {
		_, err := cluster.Parse("cluster.yaml", []byte(laboratory+"addons: [./a.yaml]\n"), fstest.MapFS{"a.yaml": {Data: []byte(content)}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), `addons[0]: "./a.yaml" `+want) {
			t.Errorf("%q: got %v, want %q", content, err, want)
		}
	}
}
