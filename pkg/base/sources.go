package base

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// debianKeyring holds the keys that Debian signs its archives with, on the host and, since the package that has it is a
// part of every base, in the image.
const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// source is one line of sources.list(5).
type source struct {
	// options between brackets, without them.
	options    string
	uri, suite string
	components []string
}

func (s source) String() string {
	words := []string{"deb"}
	if s.options != "" {
		words = append(words, "["+s.options+"]")
	}
	return strings.Join(append(append(words, s.uri, s.suite), s.components...), " ")
}

func debianSource(uri, suite string) source {
	return source{options: "signed-by=" + debianKeyring, uri: strings.TrimSuffix(uri, "/"), suite: suite, components: []string{"main"}}
}

// archive gives Debian's own addresses for a release.
func archive(release string) []source {
	s := []source{debianSource("http://deb.debian.org/debian", release)}
	if release == "sid" || release == "unstable" {
		return s
	}
	return append(s, debianSource("http://deb.debian.org/debian", release+"-updates"),
		debianSource("http://deb.debian.org/debian-security", release+"-security"))
}

// parseMirrors reads base.mirrors of the cluster file: lines of sources.list(5), or plain addresses, which stand for
// the component main of the release, or of its security updates if the last name of the address ends in "-security".
func parseMirrors(mirrors []string, release string) ([]source, error) {
	var out []source
	for _, m := range mirrors {
		if line, ok := strings.CutPrefix(m, "deb "); ok {
			s, err := parseSource(line)
			if err != nil {
				return nil, fmt.Errorf("base.mirrors: %q: %w", m, err)
			}
			if err := noCredentials(s.uri); err != nil {
				return nil, err
			}
			out = append(out, s)
			continue
		}
		u, err := url.Parse(m)
		if err != nil || u.Scheme == "" || strings.ContainsAny(m, " \t\n") {
			return nil, fmt.Errorf("base.mirrors: %q is neither an address nor a line of sources.list(5) that starts with deb", m)
		}
		if err := noCredentials(m); err != nil {
			return nil, err
		}
		suite := release
		if strings.HasSuffix(path.Base(u.Path), "-security") {
			suite += "-security"
		}
		out = append(out, debianSource(m, suite))
	}
	return out, nil
}

// noCredentials refuses a password in an address, which would be written into every image and every error.
func noCredentials(uri string) error {
	if u, err := url.Parse(uri); err == nil && u.User != nil {
		return fmt.Errorf("base.mirrors: the address on %s holds credentials; write it without, and serve the build through a proxy that adds them", u.Host)
	}
	return nil
}

func parseSource(line string) (source, error) {
	var s source
	line = strings.TrimSpace(line)
	if rest, ok := strings.CutPrefix(line, "["); ok {
		options, after, found := strings.Cut(rest, "]")
		if !found {
			return s, errors.New("the bracket is not closed")
		}
		s.options, line = strings.TrimSpace(options), after
	}
	words := strings.Fields(line)
	if len(words) < 2 {
		return s, errors.New("an address and a suite are needed")
	}
	s.uri, s.suite, s.components = words[0], words[1], words[2:]
	return s, nil
}

// hostSources gives those of the host's own sources that are Debian's for the release: a mirror nearby, a frozen
// archive. Sources of third parties stay out even where they use the release's name. It gives none when the host is
// of another release.
func hostSources(ctx context.Context, release string) []source {
	out, err := tool.Cmd{Name: "apt-get", Args: []string{
		"indextargets", "--format", "$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(ORIGIN)\t$(SIGNED_BY)", "Created-By: Packages",
	}}.Output(ctx)
	if err != nil {
		// A host without a working apt is no worse off than one of another distribution.
		return nil
	}
	return chooseSources(string(out), release)
}

func chooseSources(targets, release string) []source {
	var out []source
	for line := range strings.Lines(targets) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 5 || !slices.Contains([]string{release, release + "-updates", release + "-security"}, f[1]) {
			continue
		}
		s := debianSource(f[0], f[1])
		if f[2] == "main" && isDebian(f[0], f[3], f[4]) && !slices.ContainsFunc(out, func(o source) bool { return o.String() == s.String() }) {
			out = append(out, s)
		}
	}
	if !slices.ContainsFunc(out, func(s source) bool { return s.suite == release }) {
		return nil
	}
	slices.SortFunc(out, func(a, b source) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// isDebian tells whether a source of apt is Debian's. Its Release file says so in the field Origin, once it has been
// fetched; before that apt leaves the variable as it is, and the key and the address have to tell.
func isDebian(uri, origin, signedBy string) bool {
	if !strings.HasPrefix(origin, "$(") && origin != "" {
		return origin == "Debian"
	}
	if !strings.HasPrefix(signedBy, "$(") && signedBy != "" {
		return strings.HasPrefix(path.Base(signedBy), "debian-archive-")
	}
	return slices.Contains([]string{"debian", "debian-security"}, path.Base(strings.TrimSuffix(uri, "/")))
}
