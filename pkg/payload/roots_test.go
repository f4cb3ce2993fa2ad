package payload_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/payload"
	"github.com/nodekiln/nodekiln/pkg/tool"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// ignitionProgram is where Debian's package ignition has what its initrd is given.
const ignitionProgram = "/usr/lib/dracut/modules.d/30ignition/ignition"

// command runs a program to its end and gives what it printed.
func command(t *testing.T, c tool.Cmd) string {
	t.Helper()
	out, err := c.Output(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// bootstrap makes the root filesystem that all payloads are applied to.
func bootstrap(t *testing.T) string {
	root := filepath.Join(enterable(t), "base")
	args := []string{"--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--include=cloud-init,etcd-server,iproute2,openssh-server,systemd-sysv"}
	args = append(args, `--aptopt=Apt::Install-Recommends "false"`, "--dpkgopt=force-unsafe-io")
	for _, dir := range []string{"doc", "man", "locale", "i18n/locales"} {
		args = append(args, "--dpkgopt=path-exclude=/usr/share/"+dir+"/*")
	}
	// cloud-init is not to look for disks to grow and boot loaders to set up on the computer that runs the test, nor to
	// make locales; Ignition
	// asks for the policy of SELinux.
	hook := `cat >"$1/etc/cloud/cloud.cfg.d/99-test.cfg" <<-end
		datasource_list: [NoCloud, None]
		growpart: {mode: "off"}
		resize_rootfs: false
		grub_dpkg: {enabled: false}
		locale: C.UTF-8
	end
	echo LANG=C.UTF-8 >"$1/etc/default/locale"
	mkdir "$1/etc/selinux"
	echo SELINUXTYPE=none >"$1/etc/selinux/config"`
	command(t, tool.Cmd{Name: "unshare", Args: append(args, "--customize-hook="+hook, "bookworm", root), Dir: "/"})
	return root
}

// clone copies a root filesystem.
func clone(t *testing.T, base string) string {
	root := filepath.Join(enterable(t), "root")
	command(t, tool.Cmd{Name: "cp", Args: []string{"-a", base, root}})
	return root
}

// enterable makes a directory for the time of the test that every user may enter, as programs that become one need it.
// It is in memory where it can be: there are some ten thousand small files to write.
func enterable(t *testing.T) string {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "payload-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// hostFS reads a directory as a base's file system, owners included.
type hostFS struct{ fs.ReadLinkFS }

func (h hostFS) Lstat(name string) (fs.FileInfo, error) {
	info, err := h.ReadLinkFS.Lstat(name)
	return hostInfo{info}, err
}

type hostInfo struct{ fs.FileInfo }

func (i hostInfo) Sys() any { return i }

func (i hostInfo) Metadata() (tree.Owner, map[string][]byte) {
	st := i.FileInfo.Sys().(*syscall.Stat_t)
	return tree.Owner{UID: int(st.Uid), GID: int(st.Gid)}, nil
}

// applyRootfs lays the tree over the root.
func applyRootfs(t *testing.T, dir string, cfg types.Config) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	files, err := payload.Rootfs(cfg, hostFS{root.FS().(fs.ReadLinkFS)}, time.Unix(1700000000, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range files.Nodes() {
		if err := layOver(root, n); err != nil {
			t.Fatalf("%s: %v", n.Path, err)
		}
	}
}

// layOver writes a node with its owner and mode.
func layOver(root *os.Root, n tree.Node) error {
	if n.Mode.IsDir() && n.HardLink == "" {
		return errors.Join(root.MkdirAll(n.Path, 0o755), root.Lchown(n.Path, n.Owner.UID, n.Owner.GID), root.Chmod(n.Path, n.Mode))
	}
	if err := root.Remove(n.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if n.HardLink != "" {
		return root.Link(n.HardLink, n.Path)
	}
	if n.Mode.Type() == fs.ModeSymlink {
		return errors.Join(root.Symlink(n.Target, n.Path), root.Lchown(n.Path, n.Owner.UID, n.Owner.GID))
	}
	content, err := n.Content()
	if err != nil {
		return err
	}
	return errors.Join(root.WriteFile(n.Path, content, 0o600), root.Lchown(n.Path, n.Owner.UID, n.Owner.GID), root.Chmod(n.Path, n.Mode))
}

// applyIgnition has the real Ignition write to the root what it writes in an initrd, and systemd then do what it does of
// it at a first boot.
func applyIgnition(t *testing.T, root string, cfg types.Config) {
	b, err := payload.Ignition(cfg)
	if err != nil {
		t.Fatal(err)
	}
	// Ignition 2.14 knows 3.4 by the name that it had before it was final.
	b = bytes.Replace(b, []byte(`"version":"3.4.0"`), []byte(`"version":"3.4.0-experimental"`), 1)
	work := t.TempDir()
	config := filepath.Join(work, "config.ign")
	if err := os.WriteFile(config, b, 0o600); err != nil {
		t.Fatal(err)
	}
	// Debian's Ignition always labels for SELinux, which Debian does not have.
	if err := os.WriteFile(filepath.Join(work, "setfiles"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, stage := range []string{"fetch", "files"} {
		command(t, tool.Cmd{
			Name: ignitionProgram, Dir: work,
			Args: []string{
				"-root", root, "-platform", "file", "-stage", stage, "-log-to-stdout",
				"-config-cache", filepath.Join(work, "cache"), "-state-file", filepath.Join(work, "state"), "-neednet", filepath.Join(work, "neednet"),
			},
			// As on Flatcar; Fedora CoreOS has an sshd that reads a directory of such files.
			Env: []string{"PATH=" + work + ":/usr/sbin:/usr/bin:/sbin:/bin", "IGNITION_CONFIG_FILE=" + config, "IGNITION_WRITE_AUTHORIZED_KEYS_FRAGMENT=false"},
		})
	}
	presets, err := os.ReadFile(filepath.Join(root, "etc/systemd/system-preset/20-ignition.preset"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(presets)) {
		command(t, inside(root, "systemctl", "preset", strings.Fields(line)[1]))
	}
}

// bootScript runs the programs of cloud-init's four units in the order of a boot, in namespaces of their own. The
// machine has one interface.
const bootScript = `set -e
root=$1 mac=$2
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9
mknod -m 600 "$root/dev/console" c 5 1
ip link add nic0 address "$mac" type veth
for stage in 'init --local' init 'modules --mode=config' 'modules --mode=final'; do
	chroot "$root" cloud-init $stage
done
ip -brief link >"$root/run-links"
hostname >"$root/run-hostname"
`

// applyCloudInit has the real cloud-init apply the seed to the root.
func applyCloudInit(t *testing.T, root string, cfg types.Config, host payload.Host) {
	seed, err := payload.CloudInit(cfg, host, payload.Target{})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, filepath.Join(root, "var/lib/cloud/seed/nocloud"), map[string][]byte{
		"user-data": seed.UserData, "meta-data": seed.MetaData, "network-config": seed.NetworkConfig,
	})
	runCloudInit(t, root, host)
}

// applyParts has it apply a seed in parts, from what Nova writes on a config drive: OpenStack Compute, "Config drives".
func applyParts(t *testing.T, root string, cfg types.Config, host payload.Host) {
	whole, err := payload.CloudInit(cfg, host, payload.Target{})
	if err == nil {
		whole, err = payload.CloudInit(cfg, host, payload.Target{UserData: len(whole.UserData) - 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	seed, err := payload.CloudInit(cfg, host, payload.Target{UserData: len(whole.UserData) * 3 / 4, Files: 5, FileSize: len(whole.UserData) / 6})
	if err != nil {
		t.Fatal(err)
	}
	if len(seed.Parts) < 2 {
		t.Fatalf("the seed is in %d parts: the test is of none", len(seed.Parts))
	}
	type injected struct {
		Path    string `json:"path"`
		Content string `json:"content_path"`
	}
	var files []injected
	drive := map[string][]byte{"latest/user_data": seed.UserData}
	for i, p := range seed.Parts {
		name := fmt.Sprintf("/content/%04d", i)
		files = append(files, injected{p.Path, name})
		drive[name] = p.Content
	}
	if drive["latest/meta_data.json"], err = json.Marshal(map[string]any{"uuid": "1", "files": files}); err != nil {
		t.Fatal(err)
	}
	writeAll(t, filepath.Join(root, "var/lib/cloud/seed/config_drive/openstack"), drive)
	writeAll(t, filepath.Join(root, "etc/cloud/cloud.cfg.d"), map[string][]byte{"99-z.cfg": []byte("datasource_list: [ConfigDrive, None]\n")})
	runCloudInit(t, root, host)
}

// writeAll writes files below a directory, by name.
func writeAll(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// runCloudInit boots the root as far as cloud-init sees it, with a seed that is there.
func runCloudInit(t *testing.T, root string, host payload.Host) {
	said := command(t, tool.Cmd{
		Name: "unshare", Args: []string{"--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", bootScript, "sh", root, host.MAC},
		// The seed of Python's hashes decides the order of keys.
		Env: []string{"LC_ALL=C.UTF-8", "PYTHONHASHSEED=0", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
	})
	var result struct {
		V1 struct{ Errors []string }
	}
	b, err := os.ReadFile(filepath.Join(root, "var/lib/cloud/data/result.json"))
	if err == nil {
		err = json.Unmarshal(b, &result)
	}
	log, _ := os.ReadFile(filepath.Join(root, "var/log/cloud-init.log"))
	problem := func(line string) bool { return strings.Contains(line, "WARNING") || strings.Contains(line, "ERROR") }
	if err != nil || len(result.V1.Errors) > 0 || slices.ContainsFunc(strings.Split(string(log), "\n"), problem) {
		t.Fatalf("cloud-init failed: %v %v\n%s\n%s", err, result.V1.Errors, said, log)
	}
}
