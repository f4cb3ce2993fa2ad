package cluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

const (
	// maxPath and maxName are PATH_MAX, which counts a final NUL, and NAME_MAX of linux/limits.h, in bytes.
	maxPath = 4096
	maxName = 255

	// maxSource bounds one file that is copied to a machine, in bytes: it is held in memory.
	maxSource = 16 << 20
)

// files makes the files of a machine's entry, at path.
func (r *resolver) files(p string, given []file) []File {
	var list []File
	first := map[string]int{}
	for i, f := range given {
		if f == (file{}) {
			continue // no mapping at all
		}
		at := at(p, i)
		if f.Path != "" && r.report(at+".path", checkPath(string(f.Path))) {
			if j, twice := first[string(f.Path)]; twice {
				r.problems.Addf(at+".path", "%s is given twice (also %s[%d])", cut(string(f.Path)), p, j)
			} else {
				first[string(f.Path)] = i
			}
		}
		r.account(at+".user", f.User)
		r.account(at+".group", f.Group)
		var mode uint32
		if f.Mode != "" {
			m, err := parseMode(string(f.Mode))
			r.report(at+".mode", err)
			mode = m
		}
		list = append(list, File{
			Path: string(f.Path), Content: r.content(at, f), Mode: mode, User: string(f.User), Group: string(f.Group),
		})
	}
	r.nested(p, given, first)
	return list
}

// nested reports the files that would need another one to be a directory.
func (r *resolver) nested(p string, given []file, index map[string]int) {
	for i, f := range given {
		if _, sound := index[string(f.Path)]; !sound {
			continue
		}
		for dir := path.Dir(string(f.Path)); dir != "/"; dir = path.Dir(dir) {
			if j, isFile := index[dir]; isFile {
				r.problems.Addf(at(p, i)+".path", "%s is below %s, which is a file (%s[%d])", cut(string(f.Path)), cut(dir), p, j)
			}
		}
	}
}

// content of a file, from the one of its two places that is given.
func (r *resolver) content(at string, f file) []byte {
	written := r.problems.source.positions
	_, hasContents := written[at+".contents"]
	_, hasSource := written[at+".source"]
	switch {
	case hasContents && hasSource:
		r.problems.Addf(at+".source", "contents is given too; a file has one of the two")
	case !hasContents && !hasSource:
		r.problems.Addf(at, "neither contents nor source is given")
	case f.Contents != nil:
		return []byte(*f.Contents)
	case f.Source != "":
		b, err := r.source(f.Source)
		r.report(at+".source", err)
		return b
	}
	return nil
}

// source reads a file below the cluster file's directory, once.
func (r *resolver) source(name string) ([]byte, error) {
	clean := path.Clean(name)
	if !fs.ValidPath(clean) {
		return nil, fmt.Errorf("%s is not below the directory of the cluster file", quote(name))
	}
	if b, ok := r.contents[clean]; ok {
		return b, nil
	}
	if r.sources == nil {
		return nil, fmt.Errorf("%s cannot be read: the cluster file is in no directory", quote(name))
	}
	b, err := readSource(r.sources, clean)
	if err != nil {
		return nil, fmt.Errorf("%s %w", quote(name), err)
	}
	r.contents[clean] = b
	return b, nil
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

// checkPath tells what keeps a text from being the path of a file on a machine.
func checkPath(p string) error {
	switch {
	case !path.IsAbs(p):
		return fmt.Errorf("%s is not absolute; a path on a machine begins with /", quote(p))
	case strings.HasSuffix(p, "/"):
		return fmt.Errorf("%s is a directory; name the file", quote(p))
	case path.Clean(p) != p:
		return fmt.Errorf("%s is written in a roundabout way; try %s", quote(p), cut(path.Clean(p)))
	case len(p) >= maxPath || slices.ContainsFunc(strings.Split(p, "/"), func(s string) bool { return len(s) > maxName }):
		return fmt.Errorf("%s is longer than Linux allows", quote(p))
	}
	return nil
}
