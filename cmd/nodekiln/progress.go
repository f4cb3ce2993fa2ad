package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// What a person sees of a long step goes to stderr: on a terminal one line that is drawn over, elsewhere a plain line
// for each twentieth of the whole.
const (
	barWidth  = 24
	plainStep = 0.05
)

// progress shows how far the making of something is.
type progress struct {
	w io.Writer
	// what is made, as each line begins.
	what string
	// columns of the terminal, 0 where there is none.
	columns int
	last    float64
	begun   bool
	// open says that the cursor is behind a bar that has not come to its end.
	open bool
}

func newProgress(w io.Writer, what string) *progress {
	p := &progress{w: w, what: what}
	if f, ok := w.(interface{ Fd() uintptr }); ok && term.IsTerminal(int(f.Fd())) {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			p.columns = columns
		}
	}
	return p
}

// Stage shows what is being done, and how much of the whole is behind it, from 0 to 1.
func (p *progress) Stage(what string, done float64) {
	if p.columns > 0 {
		p.open = done < 1
		full := int(done * barWidth)
		line := []rune(fmt.Sprintf("%s [%s%s] %3.0f%% %s", p.what, strings.Repeat("#", full), strings.Repeat(".", barWidth-full), done*100, what))
		line = line[:min(len(line), p.columns-1)]
		end := ""
		if done >= 1 {
			end = "\n"
		}
		fmt.Fprintf(p.w, "\r%s%s%s", string(line), strings.Repeat(" ", max(0, p.columns-1-utf8.RuneCountInString(string(line)))), end)
		return
	}
	// What is made after the whole of something else begins anew.
	if p.begun && done >= p.last && done-p.last < plainStep && done < 1 {
		return
	}
	p.begun, p.last = true, done
	fmt.Fprintf(p.w, "%s: %3.0f%% %s\n", p.what, done*100, what)
}

// end leaves the line of a bar that has not come to its end, so that what follows has one of its own.
func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.w)
		p.open = false
	}
}
