package base

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

func lines(sources []source) string {
	var b strings.Builder
	for _, s := range sources {
		b.WriteString(s.String() + "\n")
	}
	return b.String()
}

func TestParseMirrors(t *testing.T) {
	got, err := parseMirrors([]string{
		"http://mirror.example/debian/", "http://mirror.example/debian-security",
		"deb [trusted=yes arch=amd64] http://mirror.example/local ./", "deb http://mirror.example/x bookworm-backports main contrib",
	}, "bookworm")
	if err != nil {
		t.Fatal(err)
	}
	want := `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian bookworm main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian-security bookworm-security main
deb [trusted=yes arch=amd64] http://mirror.example/local ./
deb http://mirror.example/x bookworm-backports main contrib
`
	if lines(got) != want {
		t.Errorf("got\n%swant\n%s", lines(got), want)
	}
}

func TestParseMirrorsRefusals(t *testing.T) {
	for _, m := range []string{
		"mirror.example/debian", "http://mirror.example/debian bookworm main", "deb [trusted=yes http://mirror.example x", "deb http://mirror.example",
		"http://user:hunter2@mirror.example/debian", "deb http://user:hunter2@mirror.example/debian bookworm main",
	} {
		_, err := parseMirrors([]string{m}, "bookworm")
		if err == nil || !strings.Contains(err.Error(), "base.mirrors") {
			t.Errorf("%s: %v", m, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error has the password: %v", err)
		}
	}
}

// What apt-get indextargets prints on machines with sources of many kinds.
func TestChooseSources(t *testing.T) {
	const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
	for name, c := range map[string]struct {
		targets []string
		want    int
	}{
		"updated": {[]string{
			"http://mirror/debian/\tbookworm\tmain\tDebian\t$(SIGNED_BY)", "http://mirror/debian/\tbookworm-updates\tmain\tDebian\t" + keyring,
			"http://mirror/debian-security/\tbookworm-security\tmain\tDebian\t" + keyring,
		}, 3},
		"never updated":          {[]string{"http://mirror/any/\tbookworm\tmain\t$(ORIGIN)\t" + keyring}, 1},
		"no key named":           {[]string{"http://mirror/debian/\tbookworm\tmain\t$(ORIGIN)\t$(SIGNED_BY)"}, 1},
		"third party, same name": {[]string{"http://mirror/debian/\tbookworm\tmain\tDebian\t", "https://apt.vendor/\tbookworm\tmain\tVendor\t/usr/share/keyrings/vendor.gpg"}, 1},
		"third party, unfetched": {[]string{"http://mirror/debian/\tbookworm\tmain\tDebian\t", "https://apt.vendor/\tbookworm\tmain\t$(ORIGIN)\t/usr/share/keyrings/vendor.gpg"}, 1},
		"other components":       {[]string{"http://mirror/debian/\tbookworm\tmain\tDebian\t", "http://mirror/debian/\tbookworm\tcontrib\tDebian\t"}, 1},
		"twice":                  {[]string{"http://mirror/debian/\tbookworm\tmain\tDebian\t", "http://mirror/debian/\tbookworm\tmain\tDebian\t"}, 1},
		"other release":          {[]string{"http://mirror/debian/\ttrixie\tmain\tDebian\t"}, 0},
		"only updates":           {[]string{"http://mirror/debian/\tbookworm-updates\tmain\tDebian\t"}, 0},
		"nothing":                {nil, 0},
	} {
		got := chooseSources(strings.Join(c.targets, "\n")+"\n", "bookworm")
		if len(got) != c.want || strings.Contains(lines(got), "vendor") || strings.Contains(lines(got), "contrib") {
			t.Errorf("%s: got\n%s", name, lines(got))
		}
	}
}

func TestChooseOptions(t *testing.T) {
	got := chooseOptions(`Acquire "";
Acquire::Check-Valid-Until "false";
Acquire::http "";
Acquire::http::Proxy "http://proxy:3128";
Acquire::http::Proxy::mirror.local "DIRECT";
Acquire::http::Pipeline-Depth "5";
Acquire::https::CaInfo "/etc/ssl/ca.pem";
Acquire::Languages:: "none";
DPkg::Post-Invoke:: "rm -rf /";
APT::Update::Post-Invoke:: "echo leak";
`)
	want := `Acquire::Check-Valid-Until "false";
Acquire::http::Proxy "http://proxy:3128";
Acquire::http::Proxy::mirror.local "DIRECT";
Acquire::https::CaInfo "/etc/ssl/ca.pem";
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestUnreachableMirror(t *testing.T) {
	if _, err := tool.Look(aptHelper); err != nil {
		skip(t, err)
	}
	// A port that was free a moment ago refuses connections.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	uri := "http://" + l.Addr().String() + "/debian"
	must(t, l.Close())
	err = reachable(t.Context(), []source{debianSource(uri, "bookworm")}, t.TempDir())
	for _, want := range []string{uri, "base.mirrors", "Acquire::http::Proxy", "onnect"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	cancelled, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped")
	cancel(stop)
	if err := reachable(cancelled, []source{debianSource(uri, "bookworm")}, t.TempDir()); !errors.Is(err, stop) {
		t.Errorf("cancelled: %v", err)
	}
}
