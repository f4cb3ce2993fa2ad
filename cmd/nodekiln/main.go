// Command nodekiln bakes bootable images for the machines of a cluster from one cluster file.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set when the program is linked.
var version = "devel"

func main() {
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
