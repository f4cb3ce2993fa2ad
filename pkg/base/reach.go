package base

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tool"
	"golang.org/x/sync/errgroup"
)

// aptHelper is apt's downloader for scripts; it heeds the host's proxies. It is not in anybody's PATH.
const aptHelper = "/usr/lib/apt/apt-helper"

// reachSeconds is how long a mirror may be silent before it counts as out of reach.
const reachSeconds = 10

// reachable fetches the first file of each source, to tell within seconds what apt would find out after minutes. Files
// go to dir.
func reachable(ctx context.Context, sources []source, dir string) error {
	var g errgroup.Group
	failed := make([]error, len(sources))
	for i, s := range sources {
		g.Go(func() error {
			failed[i] = s.reach(ctx, filepath.Join(dir, "probe-"+strconv.Itoa(i)))
			return nil
		})
	}
	_ = g.Wait()
	if err := errors.Join(failed...); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%w\nName a mirror that can be reached as base.mirrors in the cluster file, "+
			"or tell apt of your proxy (Acquire::http::Proxy in /etc/apt/apt.conf.d)", err)
	}
	return nil
}

func (s source) reach(ctx context.Context, target string) error {
	if scheme, _, _ := strings.Cut(s.uri, ":"); scheme == "file" || scheme == "copy" {
		return nil
	}
	dir := s.uri + "/dists/" + s.suite
	if strings.HasSuffix(s.suite, "/") {
		dir = s.uri + "/" + strings.TrimSuffix(s.suite, "/")
	}
	err := fetch(ctx, dir+"/InRelease", target)
	// Some archives have a Release file with a signature beside it instead.
	if err != nil && strings.Contains(err.Error(), " 404 ") && fetch(ctx, dir+"/Release", target) == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the mirror %q can not be used: %w", s, err)
	}
	return nil
}

func fetch(ctx context.Context, uri, target string) error {
	_, err := tool.Cmd{Name: aptHelper, Args: []string{
		"-o", fmt.Sprintf("Acquire::http::Timeout=%d", reachSeconds), "-o", fmt.Sprintf("Acquire::https::Timeout=%d", reachSeconds),
		"-o", "Acquire::Retries=0", "download-file", uri, target,
	}}.Output(ctx)
	if err != nil {
		return aptReason(err)
	}
	return nil
}

// aptReason gives what apt says is wrong, without the lines about its progress.
func aptReason(err error) error {
	var failed *tool.Error
	if !errors.As(err, &failed) {
		return err
	}
	var reasons []string
	for line := range strings.Lines(failed.Output) {
		if s, ok := strings.CutPrefix(strings.TrimSpace(line), "E: "); ok && s != "Download Failed" {
			reasons = append(reasons, s)
		}
	}
	if len(reasons) == 0 {
		return err
	}
	return errors.New(strings.Join(reasons, "; "))
}
