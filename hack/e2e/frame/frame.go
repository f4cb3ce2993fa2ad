// Package frame is what tests of nodekiln as a user meets it have in common: the program, built for them, and the ways
// to run it. Such tests need minutes and every outside program, so they run only with NODEKILN_CONFORMANCE=1.
package frame

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BootLimit is far more than the boot of one machine takes on a slow computer without KVM.
const BootLimit = 6 * time.Minute

// Program is nodekiln, the program under test.
type Program struct {
	// Path is where Main has built it.
	Path string
}

// Main builds the program and runs the package's tests; it gives their exit code.
func Main(m *testing.M, p *Program) int {
	if os.Getenv("NODEKILN_CONFORMANCE") != "1" {
		fmt.Println("e2e: skipped: it takes minutes; set NODEKILN_CONFORMANCE=1 to run it")
		return 0
	}
	dir, err := os.MkdirTemp("", "nodekiln-e2e-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	// A plain user is among those who run it.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Println(err)
		return 1
	}
	p.Path = filepath.Join(dir, "nodekiln")
	build := exec.Command("go", "build", "-trimpath", "-o", p.Path, "github.com/nodekiln/nodekiln/cmd/nodekiln")
	if said, err := build.CombinedOutput(); err != nil {
		fmt.Printf("build the program: %v\n%s", err, said)
		return 1
	}
	return m.Run()
}

// Run runs the program and gives what it wrote to stdout. It fails the test if the program fails.
func (p *Program) Run(t *testing.T, args ...string) string {
	t.Helper()
	return Command(t, nil, p.Path, args...)
}

// Example gives the cluster file that the program writes for a profile.
func (p *Program) Example(t *testing.T, profile string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	p.Run(t, "init", "--profile", profile, file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Lab writes a cluster file below a new directory and builds it there. It gives the file, and the directory of the
// images, whose parent is what --out wants.
func (p *Program) Lab(t *testing.T, clusterFile string, args ...string) (file, images string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "cluster.yaml")
	if err := os.WriteFile(file, []byte(clusterFile), 0o644); err != nil {
		t.Fatal(err)
	}
	p.Run(t, append([]string{"build", file, "--out", filepath.Join(dir, "out")}, args...)...)
	found, err := filepath.Glob(filepath.Join(dir, "out", "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the directory of the images: %v, %v", found, err)
	}
	return file, found[0]
}

// Command runs a program with additional environment, and fails the test with all that it said if it fails.
func Command(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// Eventually tries until it works or the time is over, and then fails the test with the last error.
func Eventually(t *testing.T, limit time.Duration, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(time.Second):
		}
	}
}
