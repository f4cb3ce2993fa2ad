package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"strings"
)

var (
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
	sha512Hex = regexp.MustCompile(`^[0-9a-f]{128}$`)
)

func (r *resolver) components(c components) Components {
	out := Components{Source: c.Source}
	for i, a := range c.Archives {
		out.Archives = append(out.Archives, r.archive(at("components.archives", i), a))
	}
	switch {
	case c.Source == "release" && len(c.Archives) == 0:
		r.problems.Addf("components.source", "release unpacks archives, and components.archives gives none")
	case (c.Source == "packages" || c.Source == "modules") && len(c.Archives) > 0:
		r.problems.Addf("components.archives", "the source %s takes nothing from archives; say release, or auto", c.Source)
	}
	return out
}

func (r *resolver) archive(path string, a archive) Archive {
	out := Archive{URL: a.URL, File: string(a.File), SHA256: strings.ToLower(a.SHA256), SHA512: strings.ToLower(a.SHA512)}
	switch {
	case a.URL != "" && a.File != "":
		r.problems.Addf(path, "an archive is at a url or in a file, not both")
	case a.URL != "":
		r.report(join(path, "url"), checkArchiveURL(a.URL))
	case a.File != "":
		r.report(join(path, "file"), r.checkArchiveFile(a.File))
	default:
		r.problems.Addf(path, "has neither a url nor a file")
	}
	if out.SHA256 == "" && out.SHA512 == "" {
		r.problems.Addf(path, "has no sha256 or sha512; nothing is unpacked that is not known by one")
	}
	if out.SHA256 != "" && !sha256Hex.MatchString(out.SHA256) {
		r.problems.Addf(join(path, "sha256"), "%s is no SHA-256: it has 64 hexadecimal digits", quote(a.SHA256))
	}
	if out.SHA512 != "" && !sha512Hex.MatchString(out.SHA512) {
		r.problems.Addf(join(path, "sha512"), "%s is no SHA-512: it has 128 hexadecimal digits", quote(a.SHA512))
	}
	return out
}

// checkArchiveURL does not show a URL that holds a password.
func checkArchiveURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || strings.Contains(text, " "):
		return errors.New("an archive is at one URL, as in https://dl.k8s.io/v1.34.4/kubernetes-server-linux-amd64.tar.gz")
	case u.User != nil:
		return errors.New("an archive is given without user and password: logs would hold them")
	case (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return fmt.Errorf("%s is not where an archive can be; expected a URL with http:// or https://, or a file", quote(text))
	}
	return nil
}

// checkArchiveFile looks for the archive, which is not read yet: it may have half a gigabyte.
func (r *resolver) checkArchiveFile(name sourceText) error {
	clean, err := r.locate(name)
	if err != nil {
		return err
	}
	info, err := fs.Stat(r.sources, clean)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", quote(string(name)), cause(err))
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", quote(string(name)))
	}
	return nil
}
