package lab

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"unicode"
)

// consoleReader takes what a machine's serial port sends. It never fails, since QEMU would be ended by that.
type consoleReader struct {
	log   io.Writer
	lines lineCleaner
	// err is the first that the log had.
	err error
}

func (c *consoleReader) Write(p []byte) (int, error) {
	if c.err == nil {
		if _, err := c.log.Write(p); err != nil {
			c.err = fmt.Errorf("keep the console's log: %w", err)
		}
	}
	return c.lines.Write(p)
}

// lineLimit bounds a line, so that a guest that never ends one takes no more memory than this many bytes.
const lineLimit = 4 << 10

// States of a lineCleaner within the sequences of ECMA-48, "Control Functions for Coded Character Sets".
const (
	// plain text
	inText = iota
	// after ESC
	inEscape
	// in a control sequence, ESC [ PARAMETERS FINAL
	inSequence
	// in a control string (of a device, the operating system, ...), which BEL or ESC \ ends
	inString
	// after ESC in a control string
	inStringEscape
)

// lineCleaner cuts a console's bytes into lines of printable text: no guest can move the cursor of, write the title of,
// or reprogram the terminal on which its console is shown.
type lineCleaner struct {
	emit  func(line string)
	state int
	line  []byte
	// returned says that a carriage return was the last of the text.
	returned bool
}

func (c *lineCleaner) Write(p []byte) (int, error) {
	for _, b := range p {
		switch c.state {
		case inText:
			c.text(b)
		case inEscape:
			c.escape(b)
		case inSequence:
			c.sequence(b)
		case inString:
			switch b {
			case 0x07:
				c.state = inText
			case 0x1b:
				c.state = inStringEscape
			case '\n':
				// A string that nobody ends does not swallow the rest of the console.
				c.state = inText
				c.flush()
			}
		case inStringEscape:
			c.state = inText
		}
	}
	return len(p), nil
}

func (c *lineCleaner) text(b byte) {
	switch {
	case b == 0x1b:
		c.state = inEscape
	case b == '\n':
		c.end()
	case b == '\r':
		c.returned = true
	case b == '\t':
		c.add(' ')
	case b >= ' ' && b != 0x7f:
		c.add(b)
	}
}

// add appends to the line; after a carriage return alone a new line replaces the old, as on a terminal.
func (c *lineCleaner) add(b byte) {
	if c.returned {
		c.flush()
	}
	if len(c.line) >= lineLimit {
		c.end()
	}
	c.line = append(c.line, b)
}

func (c *lineCleaner) escape(b byte) {
	switch {
	case b == '[':
		c.state = inSequence
	case b == ']' || b == 'P' || b == 'X' || b == '^' || b == '_':
		c.state = inString
	case b >= 0x20 && b <= 0x2f:
		// An intermediate byte: the final one follows.
	default:
		c.state = inText
	}
}

func (c *lineCleaner) sequence(b byte) {
	switch {
	case b == 'H' || b == 'f':
		// The cursor goes elsewhere: what follows belongs to another line.
		c.state = inText
		c.flush()
	case b >= 0x40 && b <= 0x7e:
		c.state = inText
	case b == '\n' || b == 0x1b:
		// A sequence that was cut off.
		c.state = inText
		c.text(b)
	}
}

// flush ends a line that has begun.
func (c *lineCleaner) flush() {
	if len(c.line) > 0 {
		c.end()
	}
	c.returned = false
}

func (c *lineCleaner) end() {
	line := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(c.line), "\uFFFD"))
	c.line, c.returned = c.line[:0], false
	c.emit(strings.TrimRight(line, " "))
}

// consoleWriter writes the consoles of several machines as one text.
type consoleWriter struct {
	// turn is full while one of the machines writes to w.
	turn  chan struct{}
	w     io.Writer
	width atomic.Int64
	// abandoned is closed when no machine waits for w any more.
	abandoned chan struct{}
}

func newConsoleWriter(w io.Writer, machines []Machine) *consoleWriter {
	c := &consoleWriter{turn: make(chan struct{}, 1), w: w, abandoned: make(chan struct{})}
	for _, m := range machines {
		c.admit(m)
	}
	return c
}

// admit makes room for the name of one more machine. One is admitted at a time.
func (c *consoleWriter) admit(m Machine) {
	c.width.Store(max(c.width.Load(), int64(len(m.Name))))
}

// abandon lets all go who wait for w, now and later. It is called once.
func (c *consoleWriter) abandon() { close(c.abandoned) }

// line returns when the line has been written, or w was abandoned.
func (c *consoleWriter) line(machine, text string) {
	select {
	case c.turn <- struct{}{}:
	case <-c.abandoned:
		return
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(machine, text)
		<-c.turn
	}()
	select {
	case <-written:
	case <-c.abandoned:
	}
}

func (c *consoleWriter) write(machine, text string) {
	if c.w == nil {
		return
	}
	if _, err := fmt.Fprintf(c.w, "%-*s | %s\n", int(c.width.Load()), machine, text); err != nil {
		// Whoever has read this has gone; the machines and their logs go on.
		c.w = nil
	}
}

// lastLines are the last lines of a text.
type lastLines []string

// keptLines is how many.
const keptLines = 20

func (l *lastLines) add(line string) {
	if len(*l) == keptLines {
		*l = append((*l)[:0], (*l)[1:]...)
	}
	*l = append(*l, line)
}
