package cluster

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const (
	// maxPath and maxName are PATH_MAX, which counts a final NUL, and NAME_MAX of linux/limits.h, in bytes.
	maxPath = 4096
	maxName = 255
)

// files makes the files of the list at path.
func (r *resolver) files(p string, given []file) []File {
	var list []File
	first := map[string]int{}
	for i, f := range given {
		if f == (file{}) {
			continue // no mapping at all
		}
		at := at(p, i)
		if f.Path != "" && r.report(at+".path", checkPath(string(f.Path))) {
			r.once(first, string(f.Path), i, p, ".path")
		}
		r.account(at+".user", f.User)
		r.account(at+".group", f.Group)
		var mode uint32
		if f.Mode != "" {
			m, err := parseMode(string(f.Mode))
			r.report(at+".mode", err)
			mode = m
		}
		content, ok := r.content(at, f.Contents, f.Source)
		if !ok {
			r.problems.Addf(at, "neither contents nor source is given")
		}
		list = append(list, File{
			Path: string(f.Path), Content: content, Mode: mode, User: string(f.User), Group: string(f.Group),
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

// content of what is given at the path by one of two keys. It is false where neither is given.
func (r *resolver) content(at string, contents *string, source sourceText) ([]byte, bool) {
	hasContents, hasSource := r.written(at, "contents"), r.written(at, "source")
	switch {
	case hasContents && hasSource:
		r.problems.Addf(at+".source", "contents is given too; a file has one of the two")
		return nil, true
	case contents != nil:
		return []byte(*contents), true
	}
	return r.read(at+".source", source), hasContents || hasSource
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
