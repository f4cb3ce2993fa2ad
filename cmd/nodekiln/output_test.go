package main

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
)

func TestReaderThatGoesAwayCancels(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	out := output{w, cancel}
	if _, err := out.Write([]byte("a")); err != nil || ctx.Err() != nil {
		t.Fatalf("while there is a reader: %v, %v", err, ctx.Err())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write([]byte("b")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("without a reader: %v", err)
	}
	if !errors.Is(context.Cause(ctx), syscall.EPIPE) {
		t.Errorf("the work goes on: %v", context.Cause(ctx))
	}
}
