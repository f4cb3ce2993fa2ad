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

// run gives the exit code. A signal cancels what is under way, and a second one ends the process at once.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, os.Args, environment{
		stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, cacheDir: os.UserCacheDir,
	})
}
