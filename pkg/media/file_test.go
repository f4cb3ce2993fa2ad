package media

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	dst, partial := filepath.Join(dir, "disk"), filepath.Join(dir, ".disk.partial")
	names := func() string {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return strings.Join(all, " ")
	}
	write := func(content string, fail error) error {
		return writeFile(dst, 0o640, func(f *os.File) error {
			if _, err := os.Stat(dst); err == nil && fail == nil {
				t.Error("the file has its name already")
			}
			_, err := f.WriteString(content)
			return errors.Join(err, fail)
		})
	}
	broken := errors.New("broken")
	if err := write("half", broken); !errors.Is(err, broken) || names() != "" {
		t.Errorf("a failure gives %v and leaves %q", err, names())
	}
	// What a killed run left behind, with other permissions and more in it.
	if err := os.WriteFile(partial, []byte("much that was written before"), 0o600); err != nil {
		t.Fatal(err)
	}
	defer syscall.Umask(syscall.Umask(0o077))
	if err := write("whole", nil); err != nil || names() != "disk" {
		t.Errorf("%v, there is %q", err, names())
	}
	if b, err := os.ReadFile(dst); string(b) != "whole" {
		t.Errorf("the file has %q, %v", b, err)
	}
	if st, err := os.Stat(dst); err != nil || st.Mode() != 0o640 {
		t.Errorf("the file has mode %v, %v", st.Mode(), err)
	}
	if err := write("other", broken); err == nil || names() != "disk" {
		t.Errorf("%v, there is %q", err, names())
	}
}

func TestWriteFileLocks(t *testing.T) {
	dst := filepath.Join(t.TempDir(), "disk")
	err := writeFile(dst, 0o600, func(f *os.File) error {
		inner := writeFile(dst, 0o600, func(*os.File) error { return nil })
		if inner == nil || !strings.Contains(inner.Error(), "another process is writing it") {
			t.Errorf("a second writer gets %v", inner)
		}
		_, err := f.WriteString("first")
		return err
	})
	if b, err2 := os.ReadFile(dst); err != nil || string(b) != "first" {
		t.Errorf("%v, %v, %q", err, err2, b)
	}
}
