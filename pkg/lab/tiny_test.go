package lab

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tinyCode is testdata/guest.S, assembled.
const tinyCode = "31c08ed88ec08ed0bc007c88166d7cb80102e83100fe060580b80103e82700be0080e83000be007de82a00ba0206b80001effbf4" +
	"ba0006edf6c40174f6ba0406b80020efebedb90200b6008a166d7cbb0080cd13c3ac84c0741288c4bafd03eca82074fb88e0baf803eeebe9c300"

const (
	tinyHealthy = "nodekiln: healthy: ok\n"
	tinySilent  = "waiting for something\n"
)

// tinyDisk makes a disk whose guest counts its boots and prints a text, of 253 bytes at most.
func tinyDisk(t *testing.T, path, text string) {
	t.Helper()
	code, err := hex.DecodeString(tinyCode)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 253 {
		t.Fatalf("the text has %d bytes", len(text))
	}
	disk := make([]byte, 1<<20)
	copy(disk, code)
	copy(disk[256:], text)
	copy(disk[510:], []byte{0x55, 0xaa})
	copy(disk[512:], "boot 0\r\n")
	if err := os.WriteFile(path, disk, 0o644); err != nil {
		t.Fatal(err)
	}
}

// tinyMachines makes a machine for each text, in a new directory.
func tinyMachines(t *testing.T, texts ...string) []Machine {
	t.Helper()
	dir := t.TempDir()
	var machines []Machine
	for i, text := range texts {
		m := Machine{
			Name: fmt.Sprintf("node%d", i+1), Format: "raw", MAC: fmt.Sprintf("52:54:00:01:0a:%02x", i), Memory: 16 << 20, CPUs: 1,
			Forwards: []Forward{{Name: "ssh", GuestPort: 22}, {Name: "etcd", GuestPort: 2379}},
		}
		m.Disk = filepath.Join(dir, m.Name+".raw")
		tinyDisk(t, m.Disk, text)
		machines = append(machines, m)
	}
	return machines
}

// options are those of a lab under TCG in a new state directory.
func options(t *testing.T) Options {
	t.Helper()
	return Options{Accel: "tcg", StateDir: t.TempDir(), Now: time.Now}
}

// start starts a lab that the test's end closes.
func start(t *testing.T, machines []Machine, o Options) *Lab {
	t.Helper()
	need(t, "qemu-system-x86_64", "qemu-img")
	l, err := Start(t.Context(), machines, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// patience is how long a test waits for what it expects, before it fails.
const patience = time.Minute

// healthy waits for all machines, and fails the test if one does not become healthy.
func healthy(t *testing.T, l *Lab) []Result {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("never healthy"))
	defer cancel()
	results, err := l.WaitHealthy(ctx)
	if err != nil {
		t.Fatalf("%v\n%+v", err, results)
	}
	return results
}

// need skips the test without the programs, or fails it where all must be there.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
			t.Fatalf("%s is not installed", p)
		}
		t.Skipf("%s is not installed", p)
	}
}

// qemus gives the processes that have a file of the directory on their command line.
func qemus(t *testing.T, dir string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range files {
		// One that has ended meanwhile has no command line.
		line, _ := os.ReadFile(f)
		if strings.Contains(filepath.Base(strings.SplitN(string(line), "\x00", 2)[0]), "qemu") && bytes.Contains(line, []byte(dir)) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("it never happened that %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestGuestsAreTheirSources(t *testing.T) {
	need(t, "as", "ld")
	for source, c := range map[string]struct{ code, bits, format, address string }{
		"testdata/guest.S": {tinyCode, "--32", "elf_i386", "0x7c00"},
		"testdata/app.S":   {appCode, "--64", "elf_x86_64", "0"},
	} {
		dir := t.TempDir()
		object, binary := filepath.Join(dir, "object"), filepath.Join(dir, "binary")
		for _, args := range [][]string{
			{"as", c.bits, "-o", object, source},
			{"ld", "-m", c.format, "-N", "-Ttext", c.address, "--oformat", "binary", "-o", binary, object},
		} {
			if said, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", args, err, said)
			}
		}
		got, err := os.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(got) != c.code {
			t.Errorf("%s assembles to\n%x", source, got)
		}
	}
}
