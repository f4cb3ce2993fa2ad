// Package e2e tests nodekiln as a user meets it: the program, a cluster file, images, and machines that boot from
// them. The tests need minutes and every outside program, so they run only with NODEKILN_CONFORMANCE=1.
package e2e

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

// nodekiln is the path of the program under test, built by TestMain.
var nodekiln string

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
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
	nodekiln = filepath.Join(dir, "nodekiln")
	if said, err := exec.Command("go", "build", "-trimpath", "-o", nodekiln, "../../cmd/nodekiln").CombinedOutput(); err != nil {
		fmt.Printf("build the program: %v\n%s", err, said)
		return 1
	}
	return m.Run()
}

// run runs the program under test and gives what it wrote to stdout. It fails the test if the program fails.
func run(t *testing.T, args ...string) string {
	t.Helper()
	return command(t, nil, nodekiln, args...)
}

// command runs a program with additional environment, and fails the test with all that it said if it fails.
func command(t *testing.T, env []string, name string, args ...string) string {
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

// lab writes a cluster file below a new directory and builds it there.
func lab(t *testing.T, clusterFile string, args ...string) (file, images string) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "cluster.yaml")
	if err := os.WriteFile(file, []byte(clusterFile), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, append([]string{"build", file, "--out", filepath.Join(dir, "out")}, args...)...)
	found, err := filepath.Glob(filepath.Join(dir, "out", "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the directory of the images: %v, %v", found, err)
	}
	return file, found[0]
}

// threeHosts is the example of the etcd profile.
func threeHosts(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cluster.yaml")
	run(t, "init", "--profile", "etcd", file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// small is the same with disks that are quicker to read through.
func small(t *testing.T) string {
	t.Helper()
	return strings.ReplaceAll(threeHosts(t), "disk: 8G", "disk: 2G")
}

// eventually tries until it works or the time is over, and then fails the test with the last error.
func eventually(t *testing.T, limit time.Duration, what string, try func(context.Context) error) {
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
