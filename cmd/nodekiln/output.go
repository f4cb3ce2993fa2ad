package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// catchBrokenPipes keeps SIGPIPE from ending the process in the middle of its work, with temporary files and machines
// left behind. Writes to a pipe that nobody reads then fail with EPIPE. To ignore the signal instead would have every
// program that is started ignore it as well.
func catchBrokenPipes() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
}

// output is a standard stream whose reader may go away, as that of `nodekiln plan cluster.yaml | head` does.
type output struct {
	*os.File
	// cancel ends the work whose results nobody wants any more.
	cancel context.CancelCauseFunc
}

func (o output) Write(p []byte) (int, error) {
	n, err := o.File.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		o.cancel(err)
	}
	return n, err
}
