package payload_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4"
)

// difference is something in which the payloads may differ, and why.
type difference struct {
	// path matches the whole of a path.
	path   *regexp.Regexp
	reason string
	// normalise takes out of a file's content what may differ. Without it all of the path may.
	normalise func(string) string
}

// differences are all that there are. One that no longer is has to be taken out.
func differences() []difference {
	return []difference{
		{whole(`run-(links|hostname)`), "what this test notes of the machine that cloud-init ran on", nil},
		{whole(`(var/lib|run)/cloud.*|var/log/cloud-init.*|etc/cloud/.*`), "cloud-init's own state and log", nil},
		{whole(`etc/\.ignition-result\.json`), "Ignition's report", nil},
		{whole(`etc/systemd/system-preset(/20-ignition\.preset)?`), "the presets by which Ignition has systemd enable units at the first boot", nil},
		{whole(`etc/machine-id`), "systems that run Ignition make their own, and heed the presets only if they do", nil},
		{whole(`etc/systemd/network/10-machine\.network`), "with cloud-init network-config says it, for whatever configures the network", nil},
		{whole(`etc/systemd/network/10-cloud-init-lan0\.network`), "what cloud-init makes of network-config", nil},
		{whole(`etc/systemd/network/10-cloud-init-nic0\.network`), "the config drive of the test says nothing of the network, and cloud-init asks DHCP then", nil},
		{whole(`var/lib/nodekiln(/user-data\.\d)?`), "the parts of a seed that is in parts", nil},
		{whole(`etc/ssh/ssh_host_ed25519_key\.pub`), "cloud-init gives public host keys the mode 0600", nil},
		{whole(`etc/ssh/ssh_host_(rsa|ecdsa)_key(\.pub)?`), "cloud-init removes the host keys that the image came with", nil},
		{whole(`etc/shadow`), "useradd and chpasswd note the day of the change", withoutLastChange},
		{whole(`etc/gshadow`), "groupadd locks by another sign than Ignition's", func(s string) string { return strings.ReplaceAll(s, ":*:", ":!:") }},
		{whole(`etc/sub[ug]id`), "useradd gives users number ranges for containers of their own", nil},
		{whole(`etc/(passwd|group|shadow|gshadow|subuid|subgid)-|etc/\.pwd\.lock`), "backups and lock of useradd and its like", nil},
		{whole(`home/ann/\.ssh/authorized_keys`), "cloud-init has keys in any order", sortedLines},
		{whole(`home/(ann|bob)`), "useradd heeds the HOME_MODE or UMASK of login.defs", nil},
		{whole(`home/bob/.*`), "useradd counts on from the highest number, which is ann's; the tree gives the first free one", nil},
		{whole(`etc/(passwd|group)`), "so are bob's numbers there", withoutNumbersOfBob},
		{whole(`etc/systemd/system/.*network.*`), "Debian 12 calls /usr/lib/systemd by its other name", func(s string) string { return strings.TrimPrefix(s, "/usr") }},
		{whole(`etc/systemd/system/multi-user\.target\.wants/etcd\.service`), "systemctl leaves the link that the package has made, of which only the name counts", nil},
	}
}

func whole(pattern string) *regexp.Regexp { return regexp.MustCompile("^(" + pattern + ")$") }

// TestPayloadsAreEquivalent applies each payload to the same root filesystem by the program that it is for, and compares
// what comes out: files, modes, owners, links, accounts and enabled units.
func TestPayloadsAreEquivalent(t *testing.T) {
	needRoot(t)
	need(t, "mmdebstrap", "unshare", "chroot", "ip", "systemctl", ignitionProgram)
	cfg, host := etcdMember(t)
	cfg = v3_4.Merge(cfg, everything(t))
	base := bootstrap(t)
	before := scan(t, base, nil)
	after := map[string]map[string]entry{}
	for name, apply := range map[string]func(t *testing.T, root string){
		"rootfs":   func(t *testing.T, root string) { applyRootfs(t, root, cfg) },
		"Ignition": func(t *testing.T, root string) { applyIgnition(t, root, cfg) },
		"cloud-init": func(t *testing.T, root string) {
			applyCloudInit(t, root, cfg, host)
			checkMachine(t, root)
		},
		"cloud-init in parts": func(t *testing.T, root string) { applyParts(t, root, cfg, host) },
	} {
		t.Run(name, func(t *testing.T) {
			root := clone(t, base)
			apply(t, root)
			checkUnits(t, root)
			after[name] = scan(t, root, before)
		})
	}
	if t.Failed() {
		return
	}
	for _, problem := range compare(after, differences()) {
		t.Error(problem)
	}
	t.Run("schema", func(t *testing.T) { checkSchema(t, base, cfg, host) })
	t.Run("renderers", func(t *testing.T) { checkRenderers(t, base, host) })
}

func TestCompareFindsDifferences(t *testing.T) {
	file := func(meta, content string) map[string]entry { return map[string]entry{"etc/x": {meta, content}} }
	known := func(normalise func(string) string) []difference {
		return []difference{{whole("etc/x"), "because", normalise}}
	}
	blank := func(string) string { return "" }
	for name, c := range map[string]struct {
		a, b     map[string]entry
		known    []difference
		problems int
	}{
		"same":                    {file("-rw", "1"), file("-rw", "1"), nil, 0},
		"content":                 {file("-rw", "1"), file("-rw", "2"), nil, 2},
		"mode":                    {file("-rw", "1"), file("-r-", "1"), nil, 2},
		"missing":                 {file("-rw", "1"), nil, nil, 2},
		"known":                   {file("-rw", "1"), file("-rw", "2"), known(nil), 0},
		"normalised":              {file("-rw", "1"), file("-rw", "2"), known(blank), 0},
		"normalised but for mode": {file("-rw", "1"), file("-r-", "2"), known(blank), 2},
		"no longer":               {file("-rw", "1"), file("-rw", "1"), known(nil), 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := compare(map[string]map[string]entry{"a": c.a, "b": c.b}, c.known); len(got) != c.problems {
				t.Errorf("got %q, want %d problems", got, c.problems)
			}
		})
	}
}

// checkUnits has the root's own systemd say what is enabled.
func checkUnits(t *testing.T, root string) {
	for unit, want := range map[string]string{
		"etcd.service": "enabled", "greet.service": "enabled", "systemd-networkd.service": "enabled",
		"apt-daily.timer": "masked", "greet-later.service": "disabled",
	} {
		// It fails for what is not enabled.
		out, _ := inside(root, "systemctl", "is-enabled", unit).Output(t.Context())
		if got := strings.TrimSpace(string(out)); got != want {
			t.Errorf("%s is %s, want %s", unit, got, want)
		}
	}
}

// compare tells where the payloads differ from one another, other than in the ways that are known, and in which of those
// they do not differ.
func compare(after map[string]map[string]entry, known []difference) (problems []string) {
	paths := map[string]bool{}
	for _, entries := range after {
		for p := range entries {
			paths[p] = true
		}
	}
	seen := make([]bool, len(known))
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		versions := map[string]entry{}
		for name, entries := range after {
			versions[name] = entries[p]
		}
		if same(versions) {
			continue
		}
		if i := slices.IndexFunc(known, func(d difference) bool { return d.path.MatchString(p) }); i >= 0 {
			seen[i] = true
			if versions = known[i].rest(versions); same(versions) {
				continue
			}
		}
		for _, name := range slices.Sorted(maps.Keys(versions)) {
			problems = append(problems, fmt.Sprintf("%s: /%s is %s", name, p, versions[name]))
		}
	}
	for i, d := range known {
		if !seen[i] {
			problems = append(problems, fmt.Sprintf("nothing differs any more in %s (%s)", d.path, d.reason))
		}
	}
	return problems
}

// rest gives what is left of versions when what may differ is taken out.
func (d difference) rest(versions map[string]entry) map[string]entry {
	out := map[string]entry{}
	for name, e := range versions {
		if d.normalise != nil {
			out[name] = entry{e.meta, d.normalise(e.content)}
		} else {
			out[name] = entry{}
		}
	}
	return out
}

// entry is what there is at a path; the zero value is nothing.
type entry struct {
	// meta is type, mode and owner, and content a file's content or a link's target.
	meta, content string
}

func (e entry) String() string {
	if e.meta == "" {
		return "not there"
	}
	if len(e.content) > 400 {
		return fmt.Sprintf("%s, %d bytes with SHA-256 %x", e.meta, len(e.content), sha256.Sum256([]byte(e.content)))
	}
	return fmt.Sprintf("%s %q", e.meta, e.content)
}

func same(versions map[string]entry) bool {
	all := slices.Collect(maps.Values(versions))
	return !slices.ContainsFunc(all, func(e entry) bool { return e != all[0] })
}

// scan describes what is in a root. Of files that are as in the base, by time and size, the content is left out.
func scan(t *testing.T, root string, base map[string]entry) map[string]entry {
	out := map[string]entry{}
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		p, _ := filepath.Rel(root, at)
		e := entry{meta: fmt.Sprintf("%v of %d:%d", info.Mode(), st.Uid, st.Gid)}
		switch info.Mode().Type() {
		case fs.ModeSymlink:
			e.content, err = os.Readlink(at)
			out[p] = e
			return err
		case 0:
			e.content = fmt.Sprint(info.Size(), info.ModTime().UnixNano())
			if base != nil && base[p].content != e.content {
				b, err := os.ReadFile(at)
				e.content = string(b)
				out[p] = e
				return err
			}
		}
		out[p] = e
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// withoutLastChange blanks the third field of shadow(5).
func withoutLastChange(s string) string {
	return regexp.MustCompile(`(?m)^([^:]*:[^:]*:)\d*:`).ReplaceAllString(s, "$1:")
}

func withoutNumbersOfBob(s string) string {
	return regexp.MustCompile(`(?m)^(bob:x):\d+(:\d+)?`).ReplaceAllString(s, "$1")
}

func sortedLines(s string) string {
	return strings.Join(slices.Sorted(strings.Lines(s)), "")
}
