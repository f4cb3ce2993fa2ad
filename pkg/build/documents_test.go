package build

import (
	"bytes"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/machine"
	"github.com/nodekiln/nodekiln/pkg/payload"
	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// The embedded profiles are deployments that somebody published as a how-to. The tables below testdata/documents say what
// such a document makes an administrator write by hand, row by row and without a look at the profile: NAME.tsv, with the
// cluster that the document describes at the version that it was written for in NAME.yaml. What a machine is rendered
// to must hold every row. The rows that are not marked as the era's must hold for the profile's own example too, which
// is of today's version.
//
// A table's columns are machine, path, key, value, when and note. "-" stands for nothing.
//
//	machine   a name, several with commas, or * for all
//	path      of a file or directory; A|B for the first that is there; with * or ** (any depth) for all that match. A name
//	          with a suffix of systemd (etcd.service) is a unit: its file and drop-ins. "-" where the key needs none
//	when      all, or era for what only the document's own version has
//
// What is found at path and key is compared with the value, in which {name} and {address} are the machine's. One of
// several found values is enough.
//
//	TEXT      is found                   ~REGEXP   a value matches as a whole (as a part of it with the key holds)
//	-         nothing is found           !TEXT, !~REGEXP   is not found, the file may be missing
//	@MACHINE PATH KEY   the same is found there
//
// Keys:
//
//	is        file, directory, link or absent
//	mode      permissions in octal
//	link      what a symbolic link leads to
//	line      each line
//	text      the content
//	holds     the content, of which the value is a part
//	same-as   the value is a path of a file with the same content
//	VAR       a variable of a file as systemd reads it (systemd.exec(5), EnvironmentFile=)
//	VAR:--f   a flag in such a variable. It also has to reach a program: an enabled unit reads the file and expands the
//	          variable in its command
//	sysctl:N  a value of a file of sysctl.d(5)
//	host:N    the addresses of a name in a file of hosts(5)
//	ini:S.K   the values of a key in a section; of a unit with its drop-ins, as systemd adds them up
//	json:P yaml:P toml:P   a value by its path: a.b[0].c, "quoted.key", [*] for each of a list
//	yaml(KIND):P yaml(KIND/NAME):P   the same in the documents of that kind and metadata.name
//	cert:X    of a certificate or request: CN, O, OU, C, ST, L, SAN (DNS:x, IP:y), CA, usage, issuer (its CN), bits ("rsa
//	          2048"), days, key-id (digest of its public key), hash (as kubeadm writes that digest)
//	cert:verifies-with   the value is a path of the authority
//	key-of    the value is a path of a certificate that the private key belongs to
//	unit      enabled, disabled or masked
//	uses      the variables that the unit's commands expand
//	exec      the program that the unit starts
//	exec:--f  a flag of the program once the variables are expanded
//	open-port the ports that the machine's firewall is told to let in
//	package   the Debian packages of the base

// documents are the tables, with their profiles.
func documents() map[string]string {
	return map[string]string{
		"allinone": "allinone", "binary": "binary", "centos": "centos", "deepin": "deepin", "kubeadm": "kubeadm",
		"kubeadm-docker": "kubeadm",
	}
}

const documentsDir = "testdata/documents"

func TestDocuments(t *testing.T) {
	for name := range documents() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := os.ReadFile(filepath.Join(documentsDir, name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			rows := readTable(t, name)
			machines := renderDocument(t, file)
			reportFaults(t, machines, rows)
			reportVacuous(t, machines, rows)
			reportBeyond(t, machines, rows)
		})
	}
}

func TestDocumentsToday(t *testing.T) {
	for name, of := range documents() {
		rows := slices.DeleteFunc(readTable(t, name), func(r documentRow) bool { return r.when == whenEra })
		if len(rows) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prof, err := profile.Load(of)
			if err != nil {
				t.Fatal(err)
			}
			file, err := prof.Example()
			if err != nil {
				t.Fatal(err)
			}
			reportFaults(t, renderDocument(t, file), rows)
		})
	}
}

// renderDocument renders the machines of a cluster file as they would be rendered without a base.
func renderDocument(t *testing.T, clusterFile []byte) []*documentMachine {
	t.Helper()
	name := filepath.Join(t.TempDir(), "cluster.yaml")
	if err := os.WriteFile(name, clusterFile, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(name, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := p.Bundle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	configurer, err := machine.NewConfigurer(p.Plan, p.Profile, bundle)
	if err != nil {
		t.Fatal(err)
	}
	var out []*documentMachine
	for _, m := range p.Plan.Machines {
		cfg, err := configurer.Configure(m)
		if err != nil {
			t.Fatalf("machine %s: %v", m.Name, redact(err, bundle, p.Plan))
		}
		files, err := payload.Rootfs(cfg, nil, DefaultEpoch())
		if err != nil {
			t.Fatalf("machine %s: %v", m.Name, redact(err, bundle, p.Plan))
		}
		out = append(out, &documentMachine{
			name: m.Name, address: m.Address.String(), packages: p.Plan.Base.Packages,
			files: files.WithParents(DefaultEpoch()),
		})
	}
	return out
}

func reportFaults(t *testing.T, machines []*documentMachine, rows []documentRow) {
	t.Helper()
	for _, r := range rows {
		for _, problem := range r.faults(machines) {
			t.Error(problem)
		}
	}
}

// reportVacuous tells which rows would hold with another value too.
func reportVacuous(t *testing.T, machines []*documentMachine, rows []documentRow) {
	t.Helper()
	for _, r := range rows {
		if changed := r.changed(); len(changed.faults(machines)) == 0 {
			t.Errorf("%s: it holds with the value %s too", r.at, changed.value)
		}
	}
}

// deploymentDirs hold what a deployment is made of.
func deploymentDirs() []string {
	return []string{
		"etc/cni", "etc/containerd", "etc/docker", "etc/docker-distribution", "etc/etcd", "etc/firewalld", "etc/kubernetes",
		"etc/modules-load.d", "etc/pki", "etc/selinux", "etc/sysconfig", "etc/sysctl.d", "etc/systemd/system", "etc/yum.repos.d",
		"opt", "root", "var/lib/kubelet",
	}
}

// reportBeyond tells which files the machines have beyond those that the document writes.
func reportBeyond(t *testing.T, machines []*documentMachine, rows []documentRow) {
	t.Helper()
	holders := map[string][]string{}
	for _, m := range machines {
		mentioned := map[string]bool{}
		for _, r := range rows {
			if !strings.Contains(r.path, "**") && r.concerns(m) {
				for _, p := range m.find(r.path) {
					mentioned[p] = true
				}
			}
		}
		for _, n := range m.files.Nodes() {
			in := slices.ContainsFunc(deploymentDirs(), func(d string) bool { return strings.HasPrefix(n.Path, d+"/") })
			if in && !n.Mode.IsDir() && !mentioned[n.Path] && path.Ext(path.Dir(n.Path)) != ".wants" {
				holders[n.Path] = append(holders[n.Path], m.name)
			}
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(holders), tree.ComparePaths) {
		t.Logf("beyond the document: /%s (%s)", p, strings.Join(holders[p], ", "))
	}
}

// normal gives a text in which lines end alike.
func normal(b []byte) string { return string(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))) }
