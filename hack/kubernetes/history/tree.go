package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// tree is the sources of one release.
type tree struct {
	version string // 1.34.4
	root    string // of the module k8s.io/kubernetes
	modules map[string]string
}

// openTree downloads the module of a release into the module cache.
func openTree(version string) (*tree, error) {
	root, err := download("k8s.io/kubernetes@v" + version)
	if err != nil {
		return nil, err
	}
	return &tree{version: version, root: root, modules: map[string]string{}}, nil
}

// download gives the directory that the module cache has a module in.
func download(module string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.Output()
	m := regexp.MustCompile(`"Dir": "(.*)"`).FindSubmatch(out)
	if err != nil || m == nil {
		return "", fmt.Errorf("download %s: %v: %s", module, err, out)
	}
	return string(m[1]), nil
}

// released are modules of the libraries where those of the release's own version are not to be had, and what was tagged
// kubernetes-1.15.0 and kubernetes-1.16.0.
var released = map[string]string{
	"apiserver@v0.15.0":          "apiserver@v0.0.0-20190620085212-47dc9a115b18",
	"apiserver@v0.16.0":          "apiserver@v0.0.0-20190918160949-bfa5e2e684ad",
	"component-base@v0.15.0":     "component-base@v0.0.0-20190620085130-185d68e6e6ea",
	"component-base@v0.16.0":     "component-base@v0.0.0-20190918160511-547f6c5d7090",
	"kube-proxy@v0.15.0":         "kube-proxy@v0.0.0-20190918162534-de037b596c1e", // 1.16's
	"kube-proxy@v0.16.0":         "kube-proxy@v0.0.0-20190918162534-de037b596c1e",
	"kube-scheduler@v0.15.0":     "kube-scheduler@v0.0.0-20190620085912-4acac5405ec6",
	"kube-scheduler@v0.16.0":     "kube-scheduler@v0.0.0-20190918162820-3b5c1246eb18",
	"kubelet@v0.15.0":            "kubelet@v0.0.0-20190620085838-f1cb295a73c9",
	"kubelet@v0.16.0":            "kubelet@v0.0.0-20190918162654-250a1838aa2c",
	"controller-manager@v0.27.0": "controller-manager@v0.27.1",
	"kube-proxy@v0.27.0":         "kube-proxy@v0.27.1",
	"kube-scheduler@v0.27.0":     "kube-scheduler@v0.27.1",
}

// path gives where a path of Kubernetes' sources is, or "" where the release has none.
func (t *tree) path(path string) (string, error) {
	here := filepath.Join(t.root, path)
	if _, err := os.Stat(here); err == nil {
		return here, nil
	}
	library, ok := strings.CutPrefix(path, "staging/src/k8s.io/")
	if !ok {
		return "", nil
	}
	name, below, _ := strings.Cut(library, "/")
	var minor, patch int
	if _, err := fmt.Sscanf(t.version, "1.%d.%d", &minor, &patch); err != nil {
		return "", err
	}
	if minor < 15 || name == "apimachinery" {
		return "", nil // what is not in the release's own module is not there, or moved before it became one
	}
	if minor < 20 && (name == "controller-manager" || name == "cloud-provider") {
		return "", nil // younger libraries
	}
	module := fmt.Sprintf("%s@v0.%d.%d", name, minor, patch)
	if other, ok := released[module]; ok {
		module = other
	}
	if t.modules[module] == "" {
		root, err := download("k8s.io/" + module)
		if err != nil {
			return "", err
		}
		t.modules[module] = root
	}
	there := filepath.Join(t.modules[module], below)
	if _, err := os.Stat(there); err != nil {
		return "", nil
	}
	return there, nil
}

// text gives all that a component's own sources say.
func (t *tree) text(c component) (string, error) {
	var b strings.Builder
	for _, dir := range c.dirs {
		root, err := t.path(dir)
		if err != nil {
			return "", err
		}
		if root == "" {
			continue
		}
		err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			b.Write(data)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return b.String(), nil
}
