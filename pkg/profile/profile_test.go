package profile

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nodekiln/nodekiln/overlays"
	"github.com/nodekiln/nodekiln/profiles"
)

func TestEmbeddedProfilesAreWhole(t *testing.T) {
	names := Names()
	if len(names) == 0 {
		t.Fatal("no profile is embedded")
	}
	for _, name := range names {
		p, err := Load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if p.Name != name {
			t.Errorf("the profile in %s calls itself %s", name, p.Name)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, name := range []string{"etdc", "./none"} {
		if _, err := Load(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadTellsWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"unknown key":   {"name: x\ncolour: red\nroles: {a: {}}\n", "profile.yaml:2: field colour not found; profile.yaml: roles.a"},
		"no template":   {"name: x\nroles: {a: {}}\n", "a.bu is missing"},
		"default role":  {"name: x\ndefaultRoles: [b]\n", `no role is called "b"`},
		"component":     {"name: x\ncomponents: [kubernets]\n", `no component is called "kubernets"; there are kubernetes, etcd, flannel, cni-plugins, coredns`},
		"flannel":       {"name: x\ncomponents: [flannel]\n", "flannel needs the setting flanneldVersion"},
		"image":         {"name: x\nimageComponents: [coredns]\n", "imageComponents: coredns needs the setting corednsVersion"},
		"no tag":        {"name: x\nimages: [{name: nginx, addon: web}]\n", `images[0].tag: missing, and package kube knows none for nginx; profile.yaml: images[0].addon: no addon is called "web"`},
		"no version of": {"name: x\nimages: [{name: etcd, tag: \"{etcdVersion}-0\"}]\n", `images[0].tag: no setting is called "etcdVersion"`},
		"two names":     {"name: x\nimages: [{name: pause, tag: 1, reference: a, setting: s}]\n", `images[0].reference: there is a tag too, which is for an image in the repository of Kubernetes; profile.yaml: images[0].setting: no setting is called "s"`},
		"no version":    {"name: x\ncomponents: [kubernetes]\n", "kubernetes needs the version"},
		"authority":     {"name: x\ncertificates: [{name: c, authority: z}]\n", `no authority is called "z"`},
		"role":          {"name: x\nauthorities: [{name: z}]\ncertificates: [{name: c, authority: z, role: r}]\n", `no role is called "r"`},
		"usage":         {"name: x\nauthorities: [{name: z}]\ncertificates: [{name: c, authority: z, usages: [sign]}]\n", "neither server nor client"},
		"setting":       {"name: x\nsettings: {n: {default: a, pattern: '[0-9]+'}}\n", `"a" does not match`},
		"empty":         {"", "name: missing"},
		"no usage":      {"name: x\nauthorities: [{name: z}]\ncertificates: [{name: c, authority: z, commonName: o}]\n", "usages: missing"},
		"no name":       {"name: x\nauthorities: [{name: z}]\ncertificates: [{name: c, authority: z, usages: [client]}]\n", "commonName: the operator's"},
		"port":          {"name: x\nroles: {a: {ports: {web: 0}}}\n", "roles.a.ports.web: there is no port 0"},
		"ssh port":      {"name: x\nroles: {a: {ports: {shell: 22}}}\n", "roles.a.ports.shell: every machine has port 22 as ssh"},
		"package":       {"name: x\npackages: [\"etcd server; rm\"]\n", `packages[0]: "etcd server; rm" is no name of a package`},
		"documents":     {"name: x\n---\nname: y\n", "more than one YAML document"},
		"IPv6":          {"name: x\nkubernetes: {services: \"fd00::/108\"}\n", "kubernetes.services: fd00::/108 is no IPv4 network"},
		"no room":       {"name: x\nkubernetes: {services: 10.0.0.0/30}\n", "kubernetes.services: 10.0.0.0/30 is no IPv4 network of at most 28 bits"},
		"escape":        {"name: x\nauthorities: [{name: ../z}]\n", `authorities[0].name: "../z" is to be lower-case letters`},
		"twice":         {"name: x\nsecrets: [{name: z}, {name: z}]\n", `secrets[1].name: "z" is there twice`},
		"cert twice":    {"name: x\nauthorities: [{name: z}]\ncertificates: [{name: c, authority: z}, {name: c, authority: z}]\n", `certificates[1].name: "c" is there twice`},
		"syntax":        {"name: [x\n", "profile.yaml: yaml: line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(fstest.MapFS{fileName: {Data: []byte(c.yaml)}})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// What lies in these directories is in the program, whether a repository holds it or not.
func TestNoKeysAreEmbedded(t *testing.T) {
	for name, all := range map[string]fs.FS{"profiles": profiles.FS, "overlays": overlays.FS} {
		err := fs.WalkDir(all, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(all, p)
			if bytes.Contains(b, []byte("PRIVATE KEY")) || strings.Contains(p, ".pki/") {
				t.Errorf("%s/%s would be in every copy of the program", name, p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
