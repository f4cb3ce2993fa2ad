package cluster_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/nodekiln/nodekiln/pkg/cluster"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file, or writes it where -update is given.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", path, diff)
	}
}

// files lists the cluster files in a directory of testdata.
func files(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no cluster files in %s: %v", dir, err)
	}
	return list
}

// sources is the directory of cluster files that are parsed from memory.
func sources() fs.FS {
	return fstest.MapFS{
		"motd.txt":      {Data: []byte("hello\n")},
		"sub/motd.txt":  {Data: []byte("hello from below\n")},
		"large.img":     {Data: make([]byte, 16<<20+1)},
		"pipe":          {Mode: fs.ModeNamedPipe | 0o644},
		"forbidden.txt": {Data: []byte("x")},
		"empty.txt":     {},

		"site/etc/motd":        {Data: []byte("hello\n")},
		"site/ca-key.pem":      {Data: []byte("key\n")},
		"lab.pki/ca/ca.pem":    {Data: []byte("certificate\n")},
		"extra.bu":             {Data: []byte("variant: flatcar\nversion: 1.1.0\n")},
		"metallb.yaml":         {Data: []byte("kind: Namespace\n")},
		"app.tar":              {Data: []byte("images\n")},
		"app/index.json":       {Data: []byte("{}")},
		"ca.pem":               {Data: []byte("certificate\n")},
		"ca-key.pem":           {Data: []byte("key\n")},
		"ca-config.json":       {Data: []byte("{}")},
		"ca-csr.json":          {Data: []byte("{}")},
		"units/backup.service": {Data: []byte("[Service]\nExecStart=/bin/true\n")},
		"units/long.service":   {Data: []byte("[Service]\nExecStart=/bin/true " + strings.Repeat("x", 5000) + "\n")},
		"units/binary.service": {Data: []byte("[Service]\nExecStart=\xff\n")},
		"units/large.service":  {Data: []byte("[Service]\n" + strings.Repeat("# a comment\n", 1<<17))},
	}
}

func TestLoadGivesTheWholeSpec(t *testing.T) {
	for _, file := range files(t, "valid") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			spec, err := cluster.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", " ")
			if err := enc.Encode(spec); err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".json", b.Bytes())
		})
	}
}

func TestBrokenFilesGiveEveryProblemWithItsPlace(t *testing.T) {
	for _, file := range files(t, "broken") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			spec, err := cluster.Parse("cluster.yaml", data, sources())
			var invalid *cluster.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v, want an InvalidError", err)
			}
			if spec != nil {
				t.Error("an invalid file gives a Spec")
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(err.Error()+"\n"))
		})
	}
}

// A golden file is written by what it tests. These are the messages that were asked for, by hand.
func TestMessages(t *testing.T) {
	const head = "apiVersion: nodekiln.dev/v1\nkind: Cluster\nmetadata: {name: lab}\nprofile: etcd\nnetwork: {machines: 10.1.10.0/24}\n"
	for _, tt := range []struct{ name, yaml, want string }{
		{
			"address twice", head + `machines:
  - {name: master, address: 10.1.10.104}
  - {name: "node[1-3]", roles: [node], address: "10.1.10.[102-104]"}
`, "cluster.yaml:8:49: machines[1].address: 10.1.10.104 is used twice (also machines[0])",
		},
		{
			"wrong type", head + "machines: [{name: a, address: 10.1.10.1, roles: 5}]\n",
			"cluster.yaml:6:49: machines[0].roles: expected a list of strings, found a number",
		},
		{
			"unknown key", head + "machine: [{name: a, address: 10.1.10.1}]\nmachines: [{name: a, address: 10.1.10.1}]\n",
			"cluster.yaml:6:1: machine: unknown key; did you mean machines?",
		},
		{
			"missing key", head + "machines: [{name: a}]\n",
			"cluster.yaml:6:12: machines[0].address: missing",
		},
		{
			"characters are columns", head + "machines: [{files: [{path: /a, contents: ééé, mode: 7}], name: a, address: 10.1.10.1}]\n",
			`cluster.yaml:6:53: machines[0].files[0].mode: "7" is no mode; write it in octal with a leading 0, as in 0644`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := cluster.Parse("cluster.yaml", []byte(tt.yaml), nil)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestChecksReportTogether(t *testing.T) {
	data := []byte(`apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: lab}
profile: etcd
network: {machines: 10.1.10.0/24, gateway: 10.2.0.1}
machines:
  - {name: "node[1-2]", roles: [etcd, worker], address: "10.1.10.[1-2]"}
`)
	check := func(s *cluster.Spec, p *cluster.Problems) {
		for i, role := range s.Machines[0].Roles {
			if role == "worker" {
				p.Addf(s.Machines[0].Path+".roles[1]", "the profile %s has no role %s", s.Profile, s.Machines[0].Roles[i])
			}
		}
		p.Addf("machines[0].mac.of.nothing", "a path that is not written")
		p.Addf("settings.heartbeat", "a path of which nothing is written")
	}
	_, err := cluster.Parse("cluster.yaml", data, nil, check)
	want := `cluster.yaml:1:1: settings.heartbeat: a path of which nothing is written
cluster.yaml:5:44: network.gateway: 10.2.0.1 is outside network.machines, 10.1.10.0/24
cluster.yaml:7:5: machines[0].mac.of.nothing: a path that is not written
cluster.yaml:7:39: machines[0].roles[1]: the profile etcd has no role worker`
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestChecksWaitForTheMachines(t *testing.T) {
	for _, machines := range []string{
		"[{name: \"node[3-1]\", address: 10.1.10.1}]",
		"[{address: 10.1.10.1}]",
		"[{name: 5, address: 10.1.10.1}, {name: a, address: 10.1.10.2}]",
		"[]",
		"a",
	} {
		data := "apiVersion: nodekiln.dev/v1\nkind: Cluster\nmetadata: {name: lab}\nprofile: etcd\nnetwork: {machines: 10.1.10.0/24}\nmachines: " + machines
		_, err := cluster.Parse("cluster.yaml", []byte(data), nil, func(*cluster.Spec, *cluster.Problems) {
			t.Errorf("machines: %s: checked, although the number of machines is unknown", machines)
		})
		if err == nil {
			t.Errorf("machines: %s: no error", machines)
		}
	}
}

func TestLaterStagesReportWithPlace(t *testing.T) {
	spec, err := cluster.Load("testdata/valid/etcd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	problems := spec.Problems()
	if err := problems.Err(); err != nil {
		t.Errorf("a new collection has %v", err)
	}
	problems.Addf(spec.Machines[2].Path+".address", "no such subnet")
	problems.Addf(spec.Machines[1].Path+".roles", "an even number of %d", 2)
	want := "testdata/valid/etcd.yaml:9:5: machines[1].roles: an even number of 2\ntestdata/valid/etcd.yaml:10:34: machines[2].address: no such subnet"
	if err := problems.Err(); err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	if got := spec.At("network.gateway").String(); got != "testdata/valid/etcd.yaml:5:47" {
		t.Errorf("network.gateway is at %s", got)
	}
}

func TestLoad(t *testing.T) {
	t.Run("missing file is not an invalid one", func(t *testing.T) {
		_, err := cluster.Load(filepath.Join(t.TempDir(), "cluster.yaml"))
		var invalid *cluster.InvalidError
		if !errors.Is(err, fs.ErrNotExist) || errors.As(err, &invalid) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("large file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cluster.yaml")
		if err := os.WriteFile(path, bytes.Repeat([]byte("#\n"), 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cluster.Load(path); err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("sources and profile are beside the file", func(t *testing.T) {
		t.Chdir("testdata")
		spec, err := cluster.Load("valid/anchors.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if got := string(spec.Machines[0].Additions.Files[0].Content); got != "hello\n" {
			t.Errorf("content %q", got)
		}
		if spec.Profile != "valid/site" {
			t.Errorf("profile %q", spec.Profile)
		}
		t.Chdir("valid")
		if spec, err = cluster.Load("anchors.yaml"); err != nil {
			t.Fatal(err)
		}
		if spec.Profile != "./site" {
			t.Errorf("profile %q", spec.Profile)
		}
	})
}

func TestEachJoinedErrorIsAProblem(t *testing.T) {
	_, err := cluster.Parse("c.yaml", []byte("apiVersion: nodekiln.dev/v1\nkind: Cluster\nmetadata: {name: c}\nprofile: p\nnetwork: {machines: 10.0.0.0/24}\nmachines: [{name: a, address: 10.0.0.1}]\n"), nil,
		func(_ *cluster.Spec, p *cluster.Problems) {
			p.Add("profile", nil)
			p.Add("profile", errors.Join(errors.New("one"), errors.Join(errors.New("two"), errors.New("three"))))
		})
	if want := "c.yaml:4:10: profile: one\nc.yaml:4:10: profile: two\nc.yaml:4:10: profile: three"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
