package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// server serves one file on a port of this machine. The first answers are cut off after so many bytes.
type server struct {
	content []byte
	cuts    []int
	// ranges is whether it knows the header Range.
	ranges bool

	mu sync.Mutex
	// asked are the values of the header Range.
	asked []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Header.Get("Range"))
	cut := -1
	if len(s.cuts) > 0 {
		cut, s.cuts = s.cuts[0], s.cuts[1:]
	}
	s.mu.Unlock()
	if !s.ranges {
		r.Header.Del("Range")
	}
	if cut >= 0 {
		w = &cutWriter{w, cut}
	}
	http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(s.content))
}

// cutWriter breaks the connection after some bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		_, _ = w.ResponseWriter.Write(p[:w.left])
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	w.left -= len(p)
	return w.ResponseWriter.Write(p)
}

// start serves until the end of the test, and gives the URL of the file.
func (s *server) start(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: s}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return "http://" + l.Addr().String() + "/file"
}

func content() []byte { return bytes.Repeat([]byte("all of it\n"), 100000) }

func sum256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func sum512(b []byte) string {
	sum := sha512.Sum512(b)
	return hex.EncodeToString(sum[:])
}

// read opens a source and gives what is in it.
func read(t *testing.T, s Source, cache string) ([]byte, error) {
	t.Helper()
	f, err := Open(t.Context(), s, Options{CacheDir: cache})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

func TestDownloadsOnce(t *testing.T) {
	s := &server{content: content(), ranges: true}
	src := Source{URL: s.start(t), SHA256: strings.ToUpper(sum256(s.content))}
	cache := t.TempDir()
	for range 2 {
		if got, err := read(t, src, cache); err != nil || !bytes.Equal(got, s.content) {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	if len(s.asked) != 1 {
		t.Errorf("the server was asked %d times", len(s.asked))
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "fetch", "*.part")); left != nil {
		t.Errorf("left: %v", left)
	}
}

func TestGoesOnWhereItBrokeOff(t *testing.T) {
	s := &server{content: content(), ranges: true, cuts: []int{300000}}
	src := Source{URL: s.start(t), SHA512: sum512(s.content)}
	if got, err := read(t, src, t.TempDir()); err != nil || !bytes.Equal(got, s.content) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if len(s.asked) != 2 || s.asked[1] != "bytes=300000-" {
		t.Errorf("asked for %q", s.asked)
	}
}

// A part that is there may be that of another run, of another file, or of a server that knows no ranges.
func TestPartOfAnEarlierRun(t *testing.T) {
	for name, c := range map[string]struct {
		ranges bool
		part   []byte
		asked  int
	}{
		"good":                  {true, content()[:5000], 1},
		"of something else":     {true, []byte("something else"), 2},
		"all of it":             {true, content(), 1},
		"more than all":         {true, append(content(), "more"...), 2},
		"no ranges":             {false, content()[:5000], 1},
		"no ranges, other file": {false, []byte("something else"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{content: content(), ranges: c.ranges}
			src := Source{URL: s.start(t), SHA256: sum256(s.content)}
			cache := t.TempDir()
			write(t, filepath.Join(cache, "fetch", src.SHA256+".part"), c.part)
			if got, err := read(t, src, cache); err != nil || !bytes.Equal(got, s.content) {
				t.Fatalf("got %d bytes, %v", len(got), err)
			}
			if len(s.asked) != c.asked {
				t.Errorf("asked for %q", s.asked)
			}
		})
	}
}

func TestAnotherDigestIsRefused(t *testing.T) {
	s := &server{content: content(), ranges: true}
	url := s.start(t)
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, s.content)
	other := sum256([]byte("other"))
	for name, src := range map[string]Source{
		"download":        {URL: url, SHA256: other},
		"file":            {File: file, SHA256: other},
		"one of the two":  {File: file, SHA256: sum256(s.content), SHA512: sum512([]byte("other"))},
		"one of two, url": {URL: url, SHA256: other, SHA512: sum512(s.content)},
	} {
		cache := t.TempDir()
		if got, err := read(t, src, cache); !errors.Is(err, ErrDigest) {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
		left, _ := filepath.Glob(filepath.Join(cache, "fetch", "*"))
		if left = slices.DeleteFunc(left, func(f string) bool { return strings.HasSuffix(f, ".lock") }); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

func TestWhatIsInTheCacheIsVerified(t *testing.T) {
	s := &server{content: content(), ranges: true}
	src := Source{URL: s.start(t), SHA256: sum256(s.content)}
	cache := t.TempDir()
	write(t, filepath.Join(cache, "fetch", src.SHA256), []byte("damaged"))
	if got, err := read(t, src, cache); err != nil || !bytes.Equal(got, s.content) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func TestRefusals(t *testing.T) {
	s := &server{content: content()}
	url := s.start(t)
	for wanted, src := range map[string]Source{
		"has no digest":             {URL: url},
		"and not both":              {SHA256: "00"},
		"no such file or directory": {File: filepath.Join(t.TempDir(), "none"), SHA256: "00"},
		"connection refused":        {URL: "http://127.0.0.1:1/file", SHA256: "00"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), triesPause*tries)
		f, err := Open(ctx, src, Options{CacheDir: t.TempDir()})
		cancel()
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%v: got %v, %v", src, f, err)
		}
	}
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, b, 0o644)); err != nil {
		t.Fatal(err)
	}
}
