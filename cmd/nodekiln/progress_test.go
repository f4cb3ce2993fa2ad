package main

import (
	"strings"
	"testing"
)

func TestProgressOnATerminal(t *testing.T) {
	var out strings.Builder
	p := &progress{w: &out, what: "base", columns: 40}
	p.Stage("unpacking", 0.5)
	p.end()
	p.end()
	if got := out.String(); got != "\rbase [############............]  50% un\n" {
		t.Errorf("interrupted: %q", got)
	}
	out.Reset()
	p.Stage("done", 1)
	p.end()
	if got := out.String(); strings.Count(got, "\n") != 1 || len(got) != 41 {
		t.Errorf("finished: %q", got)
	}
}

func TestProgressElsewhere(t *testing.T) {
	var out strings.Builder
	p := &progress{w: &out, what: "base"}
	// After the whole of one thing comes another one.
	for _, done := range []float64{0, 0.01, 0.06, 1, 0, 0.01} {
		p.Stage("x", done)
	}
	p.end()
	if got := out.String(); got != "base:   0% x\nbase:   6% x\nbase: 100% x\nbase:   0% x\n" {
		t.Errorf("got %q", got)
	}
}
