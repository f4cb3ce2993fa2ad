package lab

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func cleaned(chunks ...string) []string {
	var lines []string
	c := lineCleaner{emit: func(line string) { lines = append(lines, line) }}
	for _, chunk := range chunks {
		_, _ = io.WriteString(&c, chunk)
	}
	c.flush()
	return lines
}

func TestConsoleIsCleaned(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"lines", "a\nb\r\n\nc", []string{"a", "b", "", "c"}},
		{"two returns", "a\r\r\nb", []string{"a", "b"}},
		{"colours", "[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39metcd\x1b[0m.\n", []string{"[  OK  ] Started etcd."}},
		{"OVMF", "\x1b[2J\x1b[01;01H\x1b[=3h\x1b[2J\x1b[01;01HBdsDxe: loading\r\n", []string{"BdsDxe: loading"}},
		{"cursor", "one\x1b[5;1Htwo\x1b[6;1fthree", []string{"one", "two", "three"}},
		{"progress", "[*  ] job\r[** ] job\rdone\n", []string{"[*  ] job", "[** ] job", "done"}},
		{"title", "a\x1b]0;evil\x07b\x1b]2;evil\x1b\\c\n", []string{"abc"}},
		{"device string", "a\x1bPq#0;2\x1b\\b\n", []string{"ab"}},
		{"endless string", "a\x1b]0;evil\nb\n", []string{"a", "b"}},
		{"cut sequence", "a\x1b[3\nb\x1b[1\x1b[0mc\n", []string{"a", "bc"}},
		{"character set", "\x1b(B\x1b)0a\x1bcb\n", []string{"ab"}},
		{"controls", "a\x00\x07\x08\x0b\x7fb\tc\n", []string{"ab c"}},
		{"C1 controls", "a\u009b31mb\n", []string{"a31mb"}},
		{"right to left", "a\u202eb\u200bc\n", []string{"abc"}},
		{"no UTF-8", "a\x9b\xffb grün\n", []string{"a\uFFFDb grün"}},
		{"only spaces", "   \n", []string{""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := cleaned(c.in); !slices.Equal(got, c.want) {
				t.Errorf("%q, not %q", got, c.want)
			}
			if got := cleaned(strings.Split(c.in, "")...); utf8.ValidString(c.in) && !slices.Equal(got, c.want) {
				t.Errorf("byte by byte: %q, not %q", got, c.want)
			}
		})
	}
}

func TestEndlessLineIsCut(t *testing.T) {
	lines := cleaned(strings.Repeat("x", 3*lineLimit))
	if len(lines) != 3 || len(lines[0]) != lineLimit {
		t.Errorf("%d lines", len(lines))
	}
}

func FuzzConsole(f *testing.F) {
	f.Add("a\x1b[31mb\x1b]0;t\x07\r\n\x1b[2;2Hc\xff")
	f.Fuzz(func(t *testing.T, in string) {
		whole := cleaned(in)
		for _, line := range whole {
			for _, r := range line {
				if !unicode.IsPrint(r) {
					t.Fatalf("%q is left in %q", r, line)
				}
			}
		}
		if len(in) > 0 {
			if parts := cleaned(in[:len(in)/2], in[len(in)/2:]); !slices.Equal(parts, whole) {
				t.Fatalf("in two parts %q, at once %q", parts, whole)
			}
		}
	})
}

func TestMarks(t *testing.T) {
	for line, want := range map[string]string{
		"nodekiln: healthy: etcd 3 of 3":                                            "healthy etcd 3 of 3",
		"nodekiln: healthy:":                                                        "healthy ",
		"[   12.345678] nodekiln: healthy: ok":                                      "healthy ok",
		"linux-node1 login: nodekiln: healthy: ok":                                  "healthy ok",
		"[ 1.2] etcd-health[123]: nodekiln: healthy: ok":                            "healthy ok",
		"nodekiln: failed: etcd.service":                                            "failed etcd.service",
		"nodekiln: failed: Kernel panic - not syncing":                              "failed Kernel panic - not syncing",
		"printf nodekiln: healthy: ok":                                              "",
		"nodekiln: healthyish: ok":                                                  "",
		"nodekiln: started: ok":                                                     "",
		"[  1.0] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---": "dead",
		"Welcome to emergency mode! After logging in, type ...":                     "dead",
		"Entering emergency mode. Exit the shell to continue.":                      "dead",
		"ALERT!  /dev/vda3 does not exist.  Dropping to a shell!":                   "dead",
		"Entering rescue mode...":                                                   "dead",
		"UEFI Interactive Shell v2.2":                                               "dead",
		"BdsDxe: No bootable option or device was found.":                           "dead",
		"Stopped target emergency.target.":                                          "",
	} {
		s := status{}
		s.read(line, time.Second)
		got := ""
		switch {
		case s.healthy:
			got = "healthy " + s.healthyText
		case len(s.failures) > 0:
			got = "failed " + s.failures[0].Text
		case s.dead != "":
			got = "dead"
		}
		if got != want {
			t.Errorf("%q is read as %q, not %q", line, got, want)
		}
	}
}

func TestFirstMarkCounts(t *testing.T) {
	s := status{}
	for i, line := range []string{"x", "nodekiln: healthy: first", "nodekiln: healthy: second"} {
		s.read(line, time.Duration(i)*time.Second)
	}
	if r, err := s.result(time.Hour, nil); err != nil || !r.Healthy || r.Text != "first" || r.Elapsed != time.Second {
		t.Errorf("%+v", r)
	}
	s.read("Kernel panic - not syncing: late", 9*time.Second)
	if r, err := s.result(time.Hour, nil); err == nil || r.Healthy || r.Elapsed != 9*time.Second {
		t.Errorf("after a panic: %+v", r)
	}
}

func TestTailIsBounded(t *testing.T) {
	var l lastLines
	for i := range 3 * keptLines {
		l.add(string(rune('0' + i)))
	}
	if len(l) != keptLines || l[keptLines-1] != string(rune('0'+3*keptLines-1)) || l[0] != string(rune('0'+2*keptLines)) {
		t.Errorf("%q", l)
	}
}

// brokenWriter takes nothing, and counts what it was given.
type brokenWriter struct{ lines int }

func (b *brokenWriter) Write(p []byte) (int, error) {
	b.lines++
	return 0, errors.New("gone")
}

func TestBrokenConsoleIsLeftAlone(t *testing.T) {
	b := &brokenWriter{}
	c := newConsoleWriter(b, nil)
	c.line("a", "1")
	c.line("a", "2")
	if b.lines != 1 {
		t.Errorf("it got %d lines", b.lines)
	}
}

// stuckWriter takes nothing until it is freed.
type stuckWriter struct{ writing, free chan struct{} }

func (s stuckWriter) Write(p []byte) (int, error) {
	s.writing <- struct{}{}
	<-s.free
	return len(p), nil
}

// TestUnreadConsoleDoesNotKeepTheLabOpen has one machine whose line is not read, and others that wait for that: one with a
// whole line, and one with a prompt.
func TestUnreadConsoleDoesNotKeepTheLabOpen(t *testing.T) {
	t.Parallel()
	stuck := stuckWriter{make(chan struct{}, 10), make(chan struct{})}
	t.Cleanup(func() { close(stuck.free) })
	qemu := fakeQEMU(t, `echo '{"QMP": {}}' >&3; read -r line <&3; echo '{"return": {}, "id": 1}' >&3
		case "$*" in *prompt*) printf 'login: ';; *) echo line;; esac; exec sleep 1000`)
	l := &Lab{
		opts: Options{Now: time.Now}, hardware: hardware{qemu: qemu}, changed: make(chan struct{}), console: newConsoleWriter(stuck, nil),
	}
	for _, name := range []string{"line", "waits", "prompt"} {
		log, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		g := &guest{Machine: Machine{Name: name}, log: log, status: &status{since: time.Now()}}
		l.machines = append(l.machines, g)
		if err := l.switchOn(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the console was written", func() bool {
			info, err := log.Stat()
			return err == nil && info.Size() > 0
		})
	}
	<-stuck.writing
	closed := make(chan error)
	go func() { closed <- l.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("the lab stays open")
	}
}

func TestFullLogDoesNotStopTheConsole(t *testing.T) {
	var lines []string
	c := consoleReader{log: &brokenWriter{}, lines: lineCleaner{emit: func(l string) { lines = append(lines, l) }}}
	for range 2 {
		if _, err := c.Write([]byte("line\n")); err != nil {
			t.Error(err)
		}
	}
	if len(lines) != 2 || c.err == nil {
		t.Errorf("%q, %v", lines, c.err)
	}
}
