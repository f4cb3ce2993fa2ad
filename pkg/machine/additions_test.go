package machine_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/machine"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// small is a profile of one file, and head the cluster file of two machines that have it.
func small(t *testing.T) *profile.Profile {
	t.Helper()
	prof, err := profile.Read(fstest.MapFS{
		"profile.yaml": {Data: []byte("name: p\nroles: {r: {}, s: {}}\ndefaultRoles: [r]\n")},
		"common.bu":    {Data: []byte("variant: flatcar\nversion: 1.1.0\nstorage: {files: [{path: /etc/motd, contents: {inline: common}}, {path: /etc/from, contents: {inline: common}}]}\n")},
		"r.bu":         {Data: []byte("variant: flatcar\nversion: 1.1.0\nstorage: {files: [{path: /etc/motd, contents: {inline: \"{{ file \"sub/motd\" }}\"}}]}\n")},
		"s.bu":         {Data: []byte("variant: fcos\nversion: 1.5.0\n")},
		// A cluster file in the directory of its own profile has its keys there.
		"c.pki/ca/key": {Data: []byte("{{ what no template is")},
		"sub/motd":     {Data: []byte("I am {{ .Machine.Name }}{{ if has \"s\" }} of s{{ end }}")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return prof
}

const head = `apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: c}
profile: p
network: {machines: 10.0.0.0/24}
`

func TestLaterSourcesWin(t *testing.T) {
	prof := small(t)
	p, bundle := labWith(t, prof, head+`overlays: [site]
butane: [all.bu]
files: [{path: /etc/five, contents: cluster}]
units: [{name: a.service, contents: "[Service]\nExecStart=/bin/true\n", enabled: true}]
roles:
  r: {files: [{path: /etc/five, contents: role}, {path: /etc/six, contents: role}]}
machines:
  - {name: a, address: 10.0.0.1, files: [{path: /etc/six, contents: machine, mode: "0600"}]}
  - {name: b, address: 10.0.0.2, roles: [s, r]}
`, fstest.MapFS{
		"site/etc/from": {Data: []byte("overlay")},
		"site/etc/four": {Data: []byte("overlay")},
		"site/etc/bin":  {Data: []byte("overlay"), Mode: 0o755},
		"all.bu":        {Data: []byte("variant: flatcar\nversion: 1.1.0\nstorage: {files: [{path: /etc/four, contents: {inline: \"butane of {{ .Machine.Name }}\"}}], links: [{path: /etc/bin, target: /bin}]}\n")},
	})
	c, err := machine.NewConfigurer(p, prof, bundle)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]string{
		{"/etc/motd": "I am a", "/etc/from": "overlay", "/etc/four": "butane of a", "/etc/five": "role", "/etc/six": "machine"},
		{"/etc/motd": "I am b of s", "/etc/from": "overlay", "/etc/four": "butane of b", "/etc/five": "role", "/etc/six": "role"},
	} {
		cfg, err := c.Configure(p.Machines[i])
		if err != nil {
			t.Fatal(err)
		}
		for path, content := range want {
			if f, got := file(t, cfg, path); got != content {
				t.Errorf("%s of %s is %q, want %q (%v)", path, p.Machines[i].Name, got, content, f.Overwrite)
			}
		}
		if slices.ContainsFunc(cfg.Storage.Files, func(f types.File) bool { return f.Path == "/etc/bin" }) || len(cfg.Storage.Links) != 1 {
			t.Errorf("the link does not replace the file: %v", cfg.Storage.Links)
		}
	}
}

func TestExplain(t *testing.T) {
	prof := small(t)
	p, bundle := labWith(t, prof, head+`overlays: [site]
machines:
  - {name: a, address: 10.0.0.1, files: [{path: /etc/motd, contents: machine}]}
`, fstest.MapFS{"site/etc/motd": {Data: []byte("overlay")}})
	c, err := machine.NewConfigurer(p, prof, bundle)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Explain(p.Machines[0], "/etc/motd")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"profile p, common.bu: file", "profile p, r.bu: file", "overlay site: file", "c.yaml:8:5: file"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, err := c.Explain(p.Machines[0], "/etc/none"); err != nil || len(got) > 0 {
		t.Errorf("got %q, %v for what nobody writes", got, err)
	}
}

func TestTemplatesDoNotNestForever(t *testing.T) {
	prof, err := profile.Read(fstest.MapFS{
		"profile.yaml": {Data: []byte("name: p\nroles: {r: {}}\ndefaultRoles: [r]\n")},
		"r.bu":         {Data: []byte(`{{ file "r.bu" }}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, bundle := lab(t, prof, head+"machines: [{name: a, address: 10.0.0.1}]\n")
	c, err := machine.NewConfigurer(p, prof, bundle)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Configure(p.Machines[0]); err == nil || !strings.Contains(err.Error(), "nest more than") {
		t.Errorf("got %v", err)
	}
}

func TestOverlaysThatAreRefused(t *testing.T) {
	prof := small(t)
	p, bundle := labWith(t, prof, head+"overlays: [site]\nmachines: [{name: a, address: 10.0.0.1}]\n", fstest.MapFS{
		"site/su":           {Data: []byte("x")},
		"site/overlay.yaml": {Data: []byte("files: {su: {mode: \"4755\"}}\nlinks: {etc/out: ../../x}\n")},
	})
	_, err := machine.NewConfigurer(p, prof, bundle)
	if err == nil || !strings.Contains(err.Error(), "etc/out leads out") {
		t.Errorf("got %v", err)
	}
}

// kubeadm writes the flags of components by itself, and a release has to know them by its own names.
func TestKubeadmGetsTheReleasesFlags(t *testing.T) {
	prof, err := profile.Load("kubeadm")
	if err != nil {
		t.Fatal(err)
	}
	example, err := prof.Example()
	if err != nil {
		t.Fatal(err)
	}
	p, bundle := lab(t, prof, string(example)+"args: {kube-controller-manager: {address: 127.0.0.1}, kube-apiserver: {logtostderr: true, audit-log-maxage: 30}}\n")
	c, err := machine.NewConfigurer(p, prof, bundle)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.Configure(p.Machines[0])
	if err != nil {
		t.Fatal(err)
	}
	_, got := file(t, cfg, "/etc/kubernetes/init.default.yaml")
	for text, want := range map[string]bool{
		"- name: \"bind-address\"\n      value: \"127.0.0.1\"": true, "- name: \"address\"": false,
		"- name: \"audit-log-maxage\"\n      value: \"30\"": true, "logtostderr": false,
	} {
		if strings.Contains(got, text) != want {
			t.Errorf("%q is there, %v, want %v", text, !want, want)
		}
	}
}
