package build

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// harnessFiles are a machine that the harness is tried on.
func harnessFiles() map[string]string {
	return map[string]string{
		"etc/app/config":                             "# comment\nAPP_ARGS=\"--name=node1 --level 2 --on --exec-opt a=b --exec-opt c=d\"\nAPP_URL='http://node1'\n",
		"etc/app/unread":                             "APP_ARGS=\"--name=node1\"\n",
		"etc/hosts":                                  "127.0.0.1 localhost\n192.0.2.1 node1.example node1 # itself\n192.0.2.9 node1\n",
		"etc/sysctl.d/a":                             "net.ipv4.ip_forward  = 1\n",
		"etc/repo":                                   "[base]\nname= A name\nenabled=1\n[ v3 ]\nenabled=0\n",
		"etc/a.json":                                 `{"a":{"b":[{"c":1},{"c":"x"}]}}`,
		"etc/manifest.yaml":                          "kind: Service\nmetadata: {name: a}\nspec: {port: 1}\n---\nkind: List\nitems:\n- {kind: Pod, metadata: {name: a}, spec: {port: 2}}\n",
		"etc/a.toml":                                 "disabled = [\"x\"]\n[plugins.\"a.b\".options]\nOn = true\n",
		"etc/firewalld/zones/public.xml":             `<zone><service name="a"/><port port="80" protocol="tcp"/></zone>`,
		"etc/firewalld/services/b.xml":               `<service><port port="81" protocol="tcp"/></service>`,
		"etc/firewalld/services/a.xml":               `<service><port protocol="tcp" port="6443"/><port port="1-2" protocol="udp"/></service>`,
		"etc/systemd/system/app.service":             "[Unit]\nAfter=a.service\n[Service]\nEnvironmentFile=-/etc/app/missing\nEnvironmentFile=/etc/app/config\nExecStart=/bin/old\n[Install]\nWantedBy=multi-user.target\n",
		"etc/systemd/system/app.service.d/10.conf":   "[Service]\nExecStart=\nExecStartPre=/bin/script\nExecStart=-/bin/app \\\n  $APP_ARGS --url=${APP_URL}/\n",
		"bin/script":                                 "#!/bin/sh\nexec b \"$APP_LEVEL\"\n",
		"etc/systemd/system/other.service":           "[Service]\nExecStart=/bin/app $APP_ARGS\nEnvironmentFile=/etc/app/unread\n",
		"usr/lib/systemd/system/app.service.d/9.txt": "not a drop-in",
	}
}

func harnessMachine(t *testing.T) *documentMachine {
	t.Helper()
	files := &tree.Tree{}
	add := func(n tree.Node) {
		if err := files.Add(n); err != nil {
			t.Fatal(err)
		}
	}
	for p, content := range harnessFiles() {
		add(tree.File(p, 0o640, DefaultEpoch(), []byte(content), ""))
	}
	add(tree.Symlink("etc/systemd/system/multi-user.target.wants/app.service", "/etc/systemd/system/app.service", DefaultEpoch(), ""))
	add(tree.Symlink("etc/systemd/system/swap.target", "/dev/null", DefaultEpoch(), ""))
	return &documentMachine{name: "node1", address: "192.0.2.1", packages: []string{"etcd-server"}, files: files.WithParents(DefaultEpoch())}
}

// harnessRows hold on that machine: path, key, value.
func harnessRows() []string {
	return []string{
		"/etc/app|is|directory", "/etc/app/config|is|file", "/etc/none|is|absent", "/etc/systemd/system/swap.target|is|link",
		"/etc/systemd/system/swap.target|link|/dev/null", "/etc/app/config|mode|0640", "/etc/app/config|line|# comment",
		"/etc/app/config|holds|APP_URL", "/**|holds|~A\\s+name", "/etc/none|line|!x", "/etc/app/config|text|!~(?s).*\\+=.*",
		"/etc/app/config|APP_URL|http://{name}", "/etc/app/config|APP_ARGS:--name|{name}", "/etc/app/config|APP_ARGS:-level|2",
		"/etc/app/config|APP_ARGS:--on|true", "/etc/app/config|APP_ARGS:--exec-opt|c=d", "/etc/app/config|APP_ARGS:--none|-",
		"/etc/app/config|NONE|-", "/etc/hosts|host:{name}|{address}", "/etc/hosts|host:{name}|!192.0.2.9",
		"/etc/sysctl.d/a|sysctl:net.ipv4.ip_forward|1", "/etc/repo|ini:base.name|A name", "/etc/repo|ini:v3.enabled|0",
		"/etc/a.json|json:a.b[1].c|x", "/etc/a.json|json:a.b[*].c|1", "/etc/manifest.yaml|yaml:spec.port|1",
		"/etc/manifest.yaml|yaml(Pod):spec.port|2", "/etc/*|yaml(Pod/a):spec.port|2", "/etc/manifest.yaml|yaml(Pod/b):spec.port|-",
		`/etc/a.toml|toml:plugins."a.b".options.On|true`, "/etc/a.toml|toml:disabled[*]|!y", "-|open-port|6443/tcp", "-|open-port|80/tcp", "-|open-port|!81/tcp",
		"-|open-port|1-2/udp", "-|package|etcd-server", "app.service|unit|enabled", "swap.target|unit|masked",
		"other.service|unit|disabled", "app.service|exec|/bin/app", "app.service|exec:--name|node1",
		"app.service|exec:--url|http://node1/", "app.service|uses|APP_ARGS", "app.service|uses|APP_LEVEL", "app.service|ini:Unit.After|a.service",
		"app.service|ini:Service.ExecStart|!/bin/old", "/etc/app/config|same-as|/etc/app/config",
		"/etc/none;/etc/app/config|APP_URL|http://node1", "/etc/hosts|host:node1|@node1 /etc/hosts host:node1.example",
	}
}

func harnessRow(text string) documentRow {
	c := strings.Split(text, "|")
	return documentRow{at: "test:1", machine: "*", path: strings.ReplaceAll(c[0], ";", "|"), key: c[1], value: c[2], when: whenAll, note: "-"}
}

func TestHarnessHolds(t *testing.T) {
	m := harnessMachine(t)
	for _, text := range harnessRows() {
		if faults := harnessRow(text).faults([]*documentMachine{m}); len(faults) > 0 {
			t.Errorf("%s: %q", text, faults)
		}
	}
}

// TestHarnessFails: no row of the others would hold whatever the machine has.
func TestHarnessFails(t *testing.T) {
	m := harnessMachine(t)
	for _, text := range harnessRows() {
		r := harnessRow(text).changed()
		if len(r.faults([]*documentMachine{m})) == 0 {
			t.Errorf("%s holds with the value %s too", text, r.value)
		}
	}
}

func TestHarnessMissesFiles(t *testing.T) {
	for p := range maps.Keys(harnessFiles()) {
		m := harnessMachine(t)
		m.files.Remove(p)
		lost := 0
		for _, text := range harnessRows() {
			lost += len(harnessRow(text).faults([]*documentMachine{m}))
		}
		if lost == 0 && !strings.HasSuffix(p, "9.txt") && p != "etc/app/unread" && p != "etc/firewalld/services/b.xml" && p != "etc/systemd/system/other.service" {
			t.Errorf("nothing fails without %s", p)
		}
	}
}

func TestHarnessFaults(t *testing.T) {
	m := harnessMachine(t)
	for text, want := range map[string]string{
		"/etc/app/unread|APP_ARGS:--name|node1": "no enabled unit reads the file",
		"/etc/app/config|APP_URL:x|-":           "",
		"/etc/app/config|nonsense|x":            "no key of the tables",
		"/etc/a.json|json:a|x":                  "no scalar",
		"/etc/none|line|x":                      "no such file",
		"/etc/a.json|cert:CN|x":                 "not PEM",
		"/etc/hosts|host:node1|192.0.2.2":       "want 192.0.2.2, got 192.0.2.1",
	} {
		faults := strings.Join(harnessRow(text).faults([]*documentMachine{m}), "\n")
		if (want == "") != (faults == "") || !strings.Contains(faults, want) {
			t.Errorf("%s: got %q", text, faults)
		}
	}
	r := harnessRow("/etc/app/config|is|file")
	if r.machine = "node1,node9"; len(r.faults([]*documentMachine{m})) == 0 {
		t.Error("a machine that is not there is not missed")
	}
}

// TestHarnessUnexpanded: a variable that the unit does not expand reaches nothing.
func TestHarnessUnexpanded(t *testing.T) {
	m := harnessMachine(t)
	m.files.Remove("etc/systemd/system/app.service.d/10.conf")
	faults := harnessRow("/etc/app/config|APP_ARGS:--name|node1").faults([]*documentMachine{m})
	if len(faults) != 1 || !strings.Contains(faults[0], "through $APP_ARGS") {
		t.Errorf("got %q", faults)
	}
}

func TestHarnessCertificates(t *testing.T) {
	m := &documentMachine{name: "node1", address: "192.0.2.1", files: &tree.Tree{}}
	authority, stranger := issueTestCertificate(t, "ca", nil), issueTestCertificate(t, "ca", nil)
	leaf := issueTestCertificate(t, "node1", authority)
	for p, content := range map[string][]byte{
		"ca.crt": authority.certificate, "ca.key": authority.key, "a.crt": leaf.certificate, "a.key": leaf.key, "b.crt": stranger.certificate,
	} {
		if err := m.files.Add(tree.File(p, 0o600, DefaultEpoch(), content, "")); err != nil {
			t.Fatal(err)
		}
	}
	for text, holds := range map[string]bool{
		"/a.crt|cert:CN|node1": true, "/a.crt|cert:CN|ca": false, "/a.crt|cert:issuer|ca": true, "/a.crt|cert:bits|ecdsa 256": true,
		"/a.crt|cert:days|30": true, "/a.crt|cert:days|31": false, "/a.crt|cert:SAN|DNS:node1": true, "/a.crt|cert:SAN|IP:192.0.2.1": true,
		"/a.crt|cert:SAN|DNS:node2": false, "/a.crt|cert:CA|false": true, "/ca.crt|cert:CA|true": true, "/a.crt|cert:O|k8s": true,
		"/a.crt|cert:O|-": false, "/a.crt|cert:usage|server auth": true, "/a.crt|cert:usage|client auth": false,
		"/a.crt|cert:verifies-with|/ca.crt": true, "/a.crt|cert:verifies-with|/b.crt": false, "/a.key|key-of|/a.crt": true,
		"/a.key|key-of|/ca.crt": false, "/a.key|key-of|/none": false, "/a.crt|cert:key-id|@node1 /a.crt cert:hash": true,
		"/a.crt|cert:key-id|@node1 /b.crt cert:hash": false,
	} {
		if faults := harnessRow(text).faults([]*documentMachine{m}); (len(faults) == 0) != holds {
			t.Errorf("%s: got %q", text, faults)
		}
	}
}

func TestParseTable(t *testing.T) {
	rows, err := parseTable("a.tsv", "# comment\n\n*\t/a\tline\tx\tall\t-\n")
	if err != nil || len(rows) != 1 || rows[0].at != "a.tsv:3" {
		t.Errorf("got %v, %v", rows, err)
	}
	for _, bad := range []string{"*\t/a\tline\tx\tall\n", "*\t/a\tline\tx\tnever\t-\n", "*\t/a\tline\t\tall\t-\n"} {
		if _, err := parseTable("a.tsv", bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestTablesAreRead: every row has a key that is known, and no row comes twice.
func TestTablesAreRead(t *testing.T) {
	for name := range documents() {
		seen := map[string]string{}
		for _, r := range readTable(t, name) {
			id := strings.Join([]string{r.machine, r.path, r.key, r.value}, "\t")
			if seen[id] != "" {
				t.Errorf("%s says what %s says", r.at, seen[id])
			}
			seen[id] = r.at
			known := []string{"is", "mode", "link", "line", "text", keyHolds, "sysctl", "host", "ini", "json", "yaml", "toml", "cert", "unit", "uses", "exec", "open-port", "package"}
			kind, _, _ := strings.Cut(r.key, ":")
			kind, _, _ = strings.Cut(kind, "(")
			if _, ok := assertions()[r.key]; !ok && !isVariable(kind) && !slices.Contains(known, kind) {
				t.Errorf("%s: %s is no key", r.at, r.key)
			}
		}
	}
}
