package machine_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/machine"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// lab plans a cluster file and makes its keys.
func lab(t testing.TB, prof *profile.Profile, file string) (*plan.Plan, *pki.Bundle) {
	t.Helper()
	return labWith(t, prof, file, nil)
}

// labWith is lab of a cluster file with other files beside it.
func labWith(t testing.TB, prof *profile.Profile, file string, beside fs.FS) (*plan.Plan, *pki.Bundle) {
	t.Helper()
	spec, err := cluster.Parse("c.yaml", []byte(file), beside, func(s *cluster.Spec, p *cluster.Problems) { plan.Check(s, prof, p) })
	if err != nil {
		t.Fatal(err)
	}
	p := plan.New(spec, prof)
	var names []string
	for _, m := range p.Machines {
		names = append(names, m.Name)
	}
	bundle, err := pki.Ensure(t.Context(), t.TempDir()+"/c.pki", p.PKI, names)
	if err != nil {
		t.Fatal(err)
	}
	return p, bundle
}

func etcd(t testing.TB) (*profile.Profile, string) {
	t.Helper()
	prof, err := profile.Load("etcd")
	if err != nil {
		t.Fatal(err)
	}
	b, err := prof.Example()
	if err != nil {
		t.Fatal(err)
	}
	return prof, string(b)
}

// file gives a file of a config and what it holds.
func file(t *testing.T, cfg types.Config, path string) (types.File, string) {
	t.Helper()
	i := slices.IndexFunc(cfg.Storage.Files, func(f types.File) bool { return f.Path == path })
	if i < 0 {
		t.Fatalf("the config has no %s", path)
	}
	u, err := dataurl.DecodeString(*cfg.Storage.Files[i].Contents.Source)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Storage.Files[i], string(u.Data)
}

func TestEtcdMember(t *testing.T) {
	prof, example := etcd(t)
	p, bundle := lab(t, prof, example)
	c, err := machine.NewConfigurer(p, prof, bundle)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.Configure(p.Machines[1])
	if err != nil {
		t.Fatal(err)
	}
	for path, wants := range map[string][]string{
		"/etc/hostname":   {"linux-node2\n"},
		"/etc/machine-id": {bundle.MachineID("linux-node2") + "\n"},
		"/etc/hosts":      {"192.168.56.110 linux-node1.example.com linux-node1\n", "192.168.56.130 linux-node3.example.com linux-node3\n"},
		"/etc/systemd/network/10-machine.network": {"MACAddress=52:54:00:a8:38:78\n", "Address=192.168.56.120/24\n"},
		"/opt/kubernetes/cfg/etcd.conf": {
			"ETCD_NAME=\"linux-node2\"\n",
			"ETCD_INITIAL_CLUSTER=\"linux-node1=https://192.168.56.110:2380,linux-node2=https://192.168.56.120:2380,linux-node3=https://192.168.56.130:2380\"\n",
			"ETCD_PEER_CLIENT_CERT_AUTH=\"true\"\n",
		},
		"/opt/kubernetes/ssl/etcd-key.pem": {"PRIVATE KEY"},
		"/opt/kubernetes/bin/etcd-health":  {"want=3\n"},
	} {
		_, got := file(t, cfg, path)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, got)
			}
		}
	}
	if f, _ := file(t, cfg, "/opt/kubernetes/ssl/etcd-key.pem"); *f.Mode != 0o600 || *f.User.Name != "etcd" {
		t.Errorf("the key has mode %o and user %s", *f.Mode, *f.User.Name)
	}
}

func TestMachinesHoldNoOthersKeys(t *testing.T) {
	prof, example := etcd(t)
	p, bundle := lab(t, prof, example)
	c, err := machine.NewConfigurer(p, prof, bundle)
	if err != nil {
		t.Fatal(err)
	}
	keysIn := func(cfg types.Config) (keys []string) {
		for _, f := range cfg.Storage.Files {
			if _, s := file(t, cfg, f.Path); strings.Contains(s, "PRIVATE KEY") {
				keys = append(keys, s)
			}
		}
		return keys
	}
	seen := map[string]string{}
	for _, m := range p.Machines {
		cfg, err := c.Configure(m)
		if err != nil {
			t.Fatal(err)
		}
		keys := keysIn(cfg)
		if len(keys) != 4 { // two certificates' and two of SSH
			t.Errorf("%s holds %d keys", m.Name, len(keys))
		}
		for _, k := range keys {
			if other, ok := seen[k]; ok {
				t.Errorf("%s and %s hold the same key", m.Name, other)
			}
			seen[k] = m.Name
		}
	}
}

func TestErrorsNameTheTemplate(t *testing.T) {
	for name, c := range map[string]struct{ template, want string }{
		"unknown setting": {"variant: flatcar\nversion: 1.1.0\n# {{ .Settings.nothing }}\n", `r.bu:3`},
		"unknown key":     {"variant: flatcar\nversion: 1.1.0\nstorage: {colour: red}\n", "r.bu: "},
		"bad path":        {"variant: flatcar\nversion: 1.1.0\nstorage: {files: [{path: etc/x}]}\n", "path not absolute"},
		"other version":   {"variant: flatcar\nversion: 1.0.0\n", "Ignition 3.3.0, not 3.4.0"},
		"no certificate":  {"variant: flatcar\nversion: 1.1.0\n# {{ key \"none\" }}\n", "no certificate none"},
	} {
		t.Run(name, func(t *testing.T) {
			prof, err := profile.Read(fstest.MapFS{
				"profile.yaml": {Data: []byte("name: p\nroles: {r: {}}\ndefaultRoles: [r]\n")},
				"r.bu":         {Data: []byte(c.template)},
			})
			if err != nil {
				t.Fatal(err)
			}
			p, bundle := lab(t, prof, "apiVersion: nodekiln.dev/v1\nkind: Cluster\nmetadata: {name: c}\nprofile: p\nnetwork: {machines: 10.0.0.0/24}\nmachines: [{name: a, address: 10.0.0.1}]\n")
			cfg, err := machine.NewConfigurer(p, prof, bundle)
			if err != nil {
				t.Fatal(err)
			}
			_, err = cfg.Configure(p.Machines[0])
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func BenchmarkConfigure(b *testing.B) {
	prof, example := etcd(b)
	p, bundle := lab(b, prof, example)
	c, err := machine.NewConfigurer(p, prof, bundle)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.Configure(p.Machines[0]); err != nil {
			b.Fatal(err)
		}
	}
}
