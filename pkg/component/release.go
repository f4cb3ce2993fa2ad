package component

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/fetch"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// release unpacks programs from official archives: tar files, mostly compressed by gzip. Where two hold a program, the
// first gives it.
type release struct {
	archives []plan.Archive
	options  Options
}

func (r *release) String() string {
	if len(r.archives) == 1 {
		return "the archive of the cluster file"
	}
	return fmt.Sprintf("the %d archives of the cluster file", len(r.archives))
}

// inputs are the digests of the archives: where they are does not matter.
func (r *release) inputs(c plan.Component) (string, error) {
	var digests [][2]string
	for _, a := range r.archives {
		digests = append(digests, [2]string{strings.ToLower(a.SHA256), strings.ToLower(a.SHA512)})
	}
	text, err := json.Marshal(digests)
	return string(text), err
}

func (r *release) make(ctx context.Context, c plan.Component, dir string) error {
	lacking := map[string]program{}
	for _, p := range programsOf(c.Name) {
		name := p.name
		if p.archived != "" {
			lacking[p.archived] = p
		}
		lacking[name] = p
	}
	for _, a := range r.archives {
		if err := r.unpack(ctx, a, lacking, dir); err != nil {
			return err
		}
	}
	if len(lacking) > 0 {
		return &absentError{r.String(), list(lacking)}
	}
	switch c.Name {
	case profile.ComponentKubernetes:
		return checkVersion(filepath.Join(dir, binDir, "kubelet"), "v"+c.Version)
	case profile.ComponentEtcd, profile.ComponentCoreDNS:
		return checkVersion(filepath.Join(dir, binDir, c.Name), c.Version)
	}
	return nil
}

// list names the programs that are lacking, in the order of the table.
func list(lacking map[string]program) string {
	var names []string
	for _, p := range programs() {
		if _, ok := lacking[p.name]; ok {
			names = append(names, p.name)
		}
	}
	return strings.Join(names, ", ")
}

// unpack writes those of the lacking programs that an archive has, which are then lacking no more.
func (r *release) unpack(ctx context.Context, a plan.Archive, lacking map[string]program, dir string) (err error) {
	f, err := r.open(ctx, a)
	if err != nil {
		return err
	}
	defer f.Close()
	defer func() {
		if err != nil {
			err = fmt.Errorf("unpack %s: %w", a, err)
		}
	}()
	content, err := decompressed(f)
	if err != nil {
		return err
	}
	archive := tar.NewReader(content)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("it is no tar file: %w", err)
		}
		p, wanted := lacking[path.Base(h.Name)]
		if !wanted || h.Typeflag != tar.TypeReg {
			continue
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := writeProgram(filepath.Join(dir, filepath.FromSlash(p.dir)), p.name, archive); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		delete(lacking, p.name)
		delete(lacking, p.archived)
	}
}

// open gives an archive, verified.
func (r *release) open(ctx context.Context, a plan.Archive) (*os.File, error) {
	s := fetch.Source{URL: a.URL, SHA256: a.SHA256, SHA512: a.SHA512}
	if a.File != "" {
		s.File = filepath.Join(r.options.Dir, filepath.FromSlash(a.File))
	}
	return fetch.Open(ctx, s, fetch.Options{CacheDir: r.options.CacheDir, Progress: func(done, total int64) {
		if total > 0 {
			r.options.Progress.Stage("downloading "+path.Base(a.URL), float64(done)/float64(total)*0.99)
		}
	}})
}

// decompressed gives what a file holds, unpacked where it is compressed by gzip (RFC 1952, 2.3.1).
func decompressed(f *os.File) (io.Reader, error) {
	b := bufio.NewReaderSize(f, 1<<20)
	magic, err := b.Peek(2)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return gzip.NewReader(b)
	}
	return b, nil
}

// writeProgram writes a program, which has to be one for x86-64.
func writeProgram(dir, name string, content io.Reader) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = checkMachine(f)
	}
	return errors.Join(err, f.Close())
}

func checkMachine(f *os.File) error {
	header, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("it is no program: %w", err)
	}
	if header.Machine != elf.EM_X86_64 {
		return fmt.Errorf("it is a program for %s, and the machines are x86-64", header.Machine)
	}
	return nil
}

// checkVersion tells whether a program is of the version, which stands in it as text.
func checkVersion(name, version string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := contains(f, []byte(version))
	if err == nil && !found {
		err = fmt.Errorf("the archives are of another version: %s does not say that it is %s", filepath.Base(name), version)
	}
	return err
}

// contains looks for a text in a stream.
func contains(r io.Reader, text []byte) (bool, error) {
	buf, held := make([]byte, 1<<20), 0
	for {
		n, err := r.Read(buf[held:])
		held += n
		if bytes.Contains(buf[:held], text) {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		// The text may begin at the end of this part.
		if keep := len(text) - 1; held > keep {
			copy(buf, buf[held-keep:held])
			held = keep
		}
	}
}
