package e2e

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoForeignKeys looks for every private key of the cluster in the raw bytes of every image: a machine's own must be
// there, and nobody else's, nor an authority's.
func TestNoForeignKeys(t *testing.T) {
	file, images := nodekiln.Lab(t, small(t))
	bundle := filepath.Join(filepath.Dir(file), "etcd-lab.pki")
	keys := privateKeys(t, bundle)
	if len(keys) != 3*4+3 { // per machine etcd, client and two of SSH; the authority's, and the operator's two
		t.Fatalf("the bundle holds %d private keys", len(keys))
	}
	for _, form := range []string{"", "raw", "qcow2"} {
		out := filepath.Dir(images)
		if form != "" {
			out = t.TempDir()
			nodekiln.Run(t, "build", file, "--out", out, "--standalone", form)
		}
		for _, machine := range []string{"linux-node1", "linux-node2", "linux-node3"} {
			found, err := filepath.Glob(filepath.Join(out, "etcd-lab", machine+".*"))
			if err != nil || len(found) != 1 {
				t.Fatalf("the image of %s: %v, %v", machine, found, err)
			}
			held := holds(t, raw(t, found[0]), keys)
			for path := range keys {
				own := strings.HasPrefix(path, filepath.Join("machines", machine)+"/")
				if held[path] != own {
					t.Errorf("%s: it holds %s: %t", found[0], path, held[path])
				}
			}
		}
	}
}

// privateKeys gives, for each file of a private key, the bytes of the key itself, wherever the lines are broken.
func privateKeys(t *testing.T, bundle string) map[string][]byte {
	t.Helper()
	keys := map[string][]byte{}
	err := filepath.WalkDir(bundle, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(b, []byte("PRIVATE KEY")) {
			return err
		}
		rel, err := filepath.Rel(bundle, path)
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		// The second line of a PEM file may be the same for all keys of a kind; the last full one is not.
		middle := lines[len(lines)/2]
		if _, decodeErr := base64.StdEncoding.DecodeString(middle); decodeErr != nil {
			t.Fatalf("%s: its line %q is no base64", rel, middle)
		}
		keys[rel] = []byte(middle)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for path, k := range keys {
		if other, ok := seen[string(k)]; ok {
			t.Fatalf("%s and %s look the same", path, other)
		}
		seen[string(k)] = path
	}
	return keys
}

// holds tells which of the keys the file holds, reading it once and skipping its holes.
func holds(t *testing.T, file string, keys map[string][]byte) map[string]bool {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const chunk, overlap = 8 << 20, 4 << 10
	held := map[string]bool{}
	zeros := make([]byte, chunk+overlap)
	buf := make([]byte, chunk+overlap)
	for at := int64(0); ; at += chunk {
		n, _ := f.ReadAt(buf, at)
		if n == 0 {
			return held
		}
		if bytes.Equal(buf[:n], zeros[:n]) {
			continue
		}
		for path, k := range keys {
			held[path] = held[path] || bytes.Contains(buf[:n], k)
		}
	}
}
