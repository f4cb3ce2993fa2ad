package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
)

// plainUser has no rights of its own on any Debian: nobody.
const plainUser = 65534

// sums gives the SHA-256 of every file below the directory, by its path.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(frame.Command(t, nil, "sh", "-c", "cd '"+dir+"' && find . -type f -print0 | xargs -0 sha256sum")) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		out[name] = sum
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no file", dir)
	}
	return out
}

// differing gives the names that do not have the same digest in both, sorted.
func differing(a, b map[string]string) []string {
	var out []string
	for name, sum := range a {
		if b[name] != sum {
			out = append(out, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func TestDifferingFinds(t *testing.T) {
	got := differing(map[string]string{"a": "1", "b": "2", "c": "3"}, map[string]string{"a": "1", "b": "9", "d": "4"})
	if !slices.Equal(got, []string{"b", "c", "d"}) {
		t.Errorf("got %v", got)
	}
}

// TestSameBytes builds the same cluster from the same keys and base in other directories, at another time, under other
// umasks and time zones, and as a plain user.
func TestSameBytes(t *testing.T) {
	file, images := nodekiln.Lab(t, threeHosts(t))
	want := sums(t, images)
	for name, how := range map[string]struct {
		env   []string
		umask string
		user  uint32
	}{
		"another time zone and umask": {[]string{"TZ=Asia/Shanghai"}, "077", 0},
		"a plain user":                {[]string{"TZ=America/Lima"}, "002", plainUser},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			frame.Command(t, nil, "cp", "-a", filepath.Dir(file)+"/.", dir)
			frame.Command(t, nil, "rm", "-r", filepath.Join(dir, "out"))
			cache, err := os.UserCacheDir()
			if err != nil {
				t.Fatal(err)
			}
			for d := dir; d != os.TempDir(); d = filepath.Dir(d) {
				if err := os.Chmod(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			frame.Command(t, nil, "chown", "-R", strconv.Itoa(int(how.user)), dir)
			cmd := exec.Command("sh", "-c", "umask "+how.umask+` && exec "$0" "$@"`, nodekiln.Path, "build",
				filepath.Join(dir, "cluster.yaml"), "--out", filepath.Join(dir, "out"), "--cache-dir", readable(t, filepath.Join(cache, "nodekiln")))
			cmd.Env = append(os.Environ(), how.env...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: how.user, Gid: how.user}}
			if said, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			if got := differing(want, sums(t, filepath.Join(dir, "out", "etcd-lab"))); len(got) > 0 {
				t.Errorf("these differ: %v", got)
			}
		})
	}
}

// readable gives a place where everybody can read the cache, which is in somebody's home: links to its files.
func readable(t *testing.T, cache string) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	frame.Command(t, nil, "cp", "-a", "--reflink=auto", cache+"/.", dir)
	return dir
}

// TestOneMachineChanges shows that what concerns one machine alone changes that machine's image and no other's.
func TestOneMachineChanges(t *testing.T) {
	apart := strings.Replace(threeHosts(t), `  - name: linux-node[1-3]
    address: 192.168.56.[110,120,130]
    disk: 8G
    memory: 512M
`, `  - {name: linux-node1, address: 192.168.56.110, disk: 8G}
  - {name: linux-node2, address: 192.168.56.120, disk: 8G}
  - {name: linux-node3, address: 192.168.56.130, disk: 8G}
`, 1)
	file, images := nodekiln.Lab(t, apart)
	before := sums(t, images)
	for name, edit := range map[string][2]string{
		"a larger disk":     {"192.168.56.120, disk: 8G", "192.168.56.120, disk: 9G"},
		"a file of its own": {"192.168.56.120, disk: 8G", "192.168.56.120, disk: 8G, files: [{path: /etc/motd, contents: two}]"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(apart, edit[0], edit[1], 1)
			if changed == apart {
				t.Fatal("nothing was changed")
			}
			if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
			// What is there is kept unless it is asked for.
			said, err := exec.Command(nodekiln.Path, "build", file, "--out", filepath.Dir(images)).CombinedOutput()
			if err == nil || !strings.Contains(string(said), "linux-node2.qcow2; give --force") {
				t.Errorf("without --force: %v\n%s", err, said)
			}
			if got := differing(before, sums(t, images)); len(got) > 0 {
				t.Errorf("without --force these changed: %v", got)
			}
			nodekiln.Run(t, "build", file, "--out", filepath.Dir(images), "--force")
			want := []string{"./SHA256SUMS", "./linux-node2.qcow2", "./manifest.json"}
			if got := differing(before, sums(t, images)); !slices.Equal(got, want) {
				t.Errorf("these differ: %v, want %v", got, want)
			}
			if err := os.WriteFile(file, []byte(apart), 0o644); err != nil {
				t.Fatal(err)
			}
			nodekiln.Run(t, "build", file, "--out", filepath.Dir(images), "--force")
		})
	}
}
