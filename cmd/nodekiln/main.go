// Command nodekiln bakes bootable images for the machines of a cluster from one cluster file.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// version is set when the program is linked.
var version = "devel"

// gcPercent is how much the heap grows between collections: the program ends soon, and a rack's configurations are much
// garbage. Twice the default saves a seventh of the time of rendering a thousand machines and costs 50 MiB there.
const gcPercent = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	os.Exit(run())
}

// run gives the exit code. A signal cancels what is under way, and a second one ends the process at once. A reader of
// the output that goes away cancels it too.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	catchBrokenPipes()
	return execute(ctx, os.Args, environment{
		stdout: output{os.Stdout, cancel}, stderr: output{os.Stderr, cancel}, getenv: os.Getenv, cacheDir: os.UserCacheDir,
	})
}
