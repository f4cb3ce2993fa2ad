package cluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// maxSource bounds one file that is taken from beside the cluster file, in bytes: it is held in memory.
const maxSource = 16 << 20

// read gives the content of the file that is named at the path, nil where none is or where it cannot be read.
func (r *resolver) read(at string, name sourceText) []byte {
	if name == "" {
		return nil
	}
	b, err := r.source(name)
	r.report(at, err)
	return b
}

// source reads a file below the cluster file's directory, once.
func (r *resolver) source(name sourceText) ([]byte, error) {
	clean, err := r.locate(name)
	if err != nil {
		return nil, err
	}
	if r.inBundle(clean) {
		return nil, fmt.Errorf("%s is among the cluster's keys, which nodekiln gives to whom they belong; keep a file of your own elsewhere", quote(string(name)))
	}
	if b, ok := r.contents[clean]; ok {
		return b, nil
	}
	b, err := readSource(r.sources, clean)
	if err != nil {
		return nil, fmt.Errorf("%s %w", quote(string(name)), err)
	}
	r.contents[clean] = b
	return b, nil
}

// locate gives the name by which what is below the cluster file's directory is opened.
func (r *resolver) locate(name sourceText) (string, error) {
	if strings.Contains(string(name), "-----BEGIN ") {
		// It may be a private key, and is not shown.
		return "", errors.New("this is what a PEM file holds; keep it in a file, and name that here")
	}
	clean := path.Clean(string(name))
	if !fs.ValidPath(clean) {
		return "", fmt.Errorf("%s is not below the directory of the cluster file", quote(string(name)))
	}
	if r.sources == nil {
		return "", fmt.Errorf("%s cannot be read: the cluster file is in no directory", quote(string(name)))
	}
	return clean, nil
}

// inBundle tells whether a name is that of the directory with the cluster's keys, or of what is in it.
func (r *resolver) inBundle(clean string) bool {
	bundle := r.name + ".pki"
	return r.name != "" && (clean == bundle || strings.HasPrefix(clean, bundle+"/"))
}

func readSource(dir fs.FS, name string) ([]byte, error) {
	// Opening a named pipe would wait for its writer: what it is comes first.
	info, err := fs.Stat(dir, name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", cause(err))
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file")
	case info.Size() > maxSource:
		return nil, fmt.Errorf("is larger than %s", formatSize(maxSource))
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", cause(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSource))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", cause(err))
	}
	return b, nil
}

// cause leaves out the operation and the path of an error, which the message names already.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
