// Command benchmark measures nodekiln: time, memory and bytes per machine for clusters of several sizes, what comes
// before the images and with them, the time of a base beside a plain mmdebstrap of the same packages, and the time from
// power-on to a cluster beside kubeadm's. It prints ratios, since times differ between computers.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	program := flag.String("nodekiln", "bin/nodekiln", "program to measure")
	only := flag.String("only", "", "measure this alone: racks, machines, base or boot, of which the last two take minutes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *program, *only); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program, only string) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "nodekiln-benchmark-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := bench{program: program, dir: dir}
	measured := false
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{{"racks", b.racks}, {"machines", b.machines}, {"base", b.base}, {"boot", b.boots}} {
		if only != "" && only != part.name {
			continue
		}
		measured = true
		if err := part.measure(ctx); err != nil {
			return err
		}
	}
	if !measured {
		return fmt.Errorf("-only %s: there is no such part", only)
	}
	return nil
}

// bench is one run of all measurements.
type bench struct{ program, dir string }

// usage is what one run of a program took.
type usage struct {
	// wall and cpu time, the second of the program and all it waited for, user and system.
	wall, cpu time.Duration
	// peak is the largest resident set of the program in bytes.
	peak int64
}

// measure runs a program.
func measure(ctx context.Context, name string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return usage{}, fmt.Errorf("%v: %w\n%s", cmd, err, said.Bytes())
	}
	state := cmd.ProcessState
	u := usage{wall: time.Since(start), cpu: state.UserTime() + state.SystemTime()}
	if r, ok := state.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss << 10 // getrusage(2) has it in KiB
	}
	return u, nil
}
