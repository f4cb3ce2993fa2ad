package cluster

import (
	"fmt"
	"io/fs"
)

func (r *resolver) images(given images) Images {
	out := Images{Source: given.Source}
	for i, p := range given.Preload {
		path := at("images.preload", i)
		n := 0
		for _, text := range []string{string(p.Archive), string(p.Layout), p.Pull} {
			if text != "" {
				n++
			}
		}
		sound := Preload{Path: path}
		switch {
		case n != 1:
			r.problems.Addf(path, "has to have one of archive, layout and pull")
		case p.Archive != "":
			if r.report(join(path, "archive"), r.checkArchiveFile(p.Archive)) {
				sound.Archive = string(p.Archive)
			}
		case p.Layout != "":
			if r.report(join(path, "layout"), r.checkLayout(p.Layout)) {
				sound.Layout = string(p.Layout)
			}
		default:
			sound.Pull = p.Pull
		}
		out.Preload = append(out.Preload, sound)
	}
	return out
}

func (r *resolver) checkLayout(name sourceText) error {
	clean, err := r.locate(name)
	if err != nil {
		return err
	}
	info, err := fs.Stat(r.sources, clean)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", quote(string(name)), cause(err))
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no directory; a file with images is an archive", quote(string(name)))
	}
	return nil
}
