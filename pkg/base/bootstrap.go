package base

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/media"
	"github.com/nodekiln/nodekiln/pkg/tool"
)

// placeholders are packages that dpkg is to believe installed, in the format of its status file. The first spares the
// image initramfs-tools, and the build the half minute that it packs for: the initrd is made here. The second breaks
// the circle that usr-is-merged is an alternative of usrmerge only where it is installed; the real one replaces it.
//
//go:embed placeholders.status
var placeholders string

// setupScript is run by mmdebstrap before it installs anything.
//
//go:embed setup.sh
var setupScript string

// Names of files in the working directory.
const (
	tarName      = "root.tar"
	aptName      = "apt.conf"
	dpkgName     = "dpkg.cfg"
	statusName   = "status"
	setupName    = "setup.sh"
	fileModeRead = 0o644
)

// bootstrap installs the packages into a root filesystem and packs it into a tar below dir. It gives the tar's name.
func (r *recipe) bootstrap(ctx context.Context, dir string, p Progress) (string, error) {
	root := os.Geteuid() == 0
	if err := canBootstrap(root); err != nil {
		return "", err
	}
	sources, err := r.sources(ctx)
	if err != nil {
		return "", err
	}
	p.Stage("asking the mirrors", 0)
	if err := reachable(ctx, sources, dir); err != nil {
		return "", err
	}
	for name, text := range map[string]string{
		aptName: aptConfig(ctx), dpkgName: dpkgConfig(), statusName: placeholders, setupName: setupScript,
	} {
		// The bootstrap of a plain user reads these as other users do.
		if err := writeReadable(filepath.Join(dir, name), text); err != nil {
			return "", fmt.Errorf("prepare the bootstrap: %w", err)
		}
	}
	cmd := r.command(dir, root, sources)
	cmd.Stderr = &bootstrapLog{progress: p}
	if err := runOnLeash(ctx, cmd); err != nil {
		return "", explain(err)
	}
	return filepath.Join(dir, tarName), nil
}

// runOnLeash runs the command with a standard input that ends when the context or this process does, for setupScript.
func runOnLeash(ctx context.Context, cmd tool.Cmd) error {
	held, leash, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer held.Close()
	defer leash.Close()
	defer context.AfterFunc(ctx, func() { _ = leash.Close() })()
	cmd.Stdin = held
	return cmd.Run(ctx)
}

func canBootstrap(root bool) error {
	// The disk comes last, and what it needs is told before the minute that the bootstrap takes.
	disk := media.CanWriteGolden()
	if root {
		return errors.Join(tool.Need("mmdebstrap", "unshare"), disk)
	}
	return errors.Join(checkNamespace(), disk)
}

func writeReadable(name, text string) error {
	if err := os.WriteFile(name, []byte(text), fileModeRead); err != nil {
		return err
	}
	return os.Chmod(name, fileModeRead)
}

// sources gives where the packages come from.
func (r *recipe) sources(ctx context.Context) ([]source, error) {
	if len(r.base.Mirrors) > 0 {
		return parseMirrors(r.base.Mirrors, r.base.Debian)
	}
	if s := hostSources(ctx, r.base.Debian); len(s) > 0 {
		return s, nil
	}
	if _, err := os.Stat(debianKeyring); err != nil {
		return nil, fmt.Errorf("find Debian's keys: %w: install the package debian-archive-keyring", err)
	}
	return archive(r.base.Debian), nil
}

// command gives the run of mmdebstrap. Its hooks are shell words, run with the new root as $1.
func (r *recipe) command(dir string, root bool, sources []source) tool.Cmd {
	at := func(name string) string { return filepath.Join(dir, name) }
	// Where it can not be read, the script goes without.
	namespace, _ := os.Readlink("/proc/self/ns/pid")
	args := []string{
		"mmdebstrap", "--variant=minbase", "--format=tar", "--verbose", "--skip=check/signed-by", "--architectures=amd64",
		"--aptopt=" + at(aptName),
		"--dpkgopt=force-unsafe-io",
		"--setup-hook=sh " + tool.Quote(at(setupName)) + ` "$1" ` + tool.Quote(dir) + " " + tool.Quote(namespace),
		// Exclusions that mmdebstrap itself knew of would send each essential package through a filter in Python.
		"--essential-hook=cp " + tool.Quote(at(dpkgName)) + ` "$1"/etc/dpkg/dpkg.cfg.d/99mmdebstrap`,
		"--include=" + strings.Join(r.packages(), ","),
	}
	for _, s := range sources {
		if strings.HasPrefix(s.uri, "file:") {
			args = append(args, "--hook-directory=/usr/share/mmdebstrap/hooks/file-mirror-automount")
			break
		}
	}
	mode := "--mode=unshare"
	if root {
		// In namespaces of its own, no mount of the bootstrap is seen outside, and all of it dies with its first process.
		args = append([]string{"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"}, args...)
		mode = "--mode=root"
	}
	args = append(args, mode, r.base.Debian, at(tarName))
	for _, s := range sources {
		args = append(args, s.String())
	}
	return tool.Cmd{Name: args[0], Args: args[1:], Dir: "/", Env: []string{
		"TMPDIR=" + dir, "SOURCE_DATE_EPOCH=" + strconv.FormatInt(r.modTime.Unix(), 10),
		"LC_ALL=C.UTF-8", "TZ=UTC", "DEBIAN_FRONTEND=noninteractive",
	}}
}

// explain adds to the failures that people meet what can be done about them.
func explain(err error) error {
	var failed *tool.Error
	if !errors.As(err, &failed) {
		return err
	}
	for _, k := range []struct{ says, help string }{
		{"Unable to locate package", "the mirrors do not have one of the packages in this release"},
		{"No space left on device", "the place for temporary files is full"},
		{"unshare failed: Operation not permitted", "this container may not make namespaces: start it with the capability SYS_ADMIN, or run nodekiln as a plain user"},
		{"unshare() failed", "user namespaces are blocked on this machine, by AppArmor or a container's seccomp filter: run nodekiln as root"},
		{"NO_PUBKEY", "the mirror is signed with a key that this machine does not know: install debian-archive-keyring, or write signed-by in base.mirrors"},
		{"is not valid yet", "the clock of this machine is wrong"},
		{"is expired", "the mirror is out of date, or the clock of this machine is wrong"},
	} {
		if strings.Contains(failed.Output, k.says) {
			return fmt.Errorf("%s: %w", k.help, err)
		}
	}
	return err
}
