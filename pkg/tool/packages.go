package tool

// packages names, for each program that nodekiln runs, the package that has it.
var packages = map[string]struct{ debian, centos string }{
	"mmdebstrap":         {"mmdebstrap", "mmdebstrap"},
	"mkfs.ext4":          {"e2fsprogs", "e2fsprogs"},
	"grub-mkimage":       {"grub-common", "grub2-tools"},
	"qemu-img":           {"qemu-utils", "qemu-img"},
	"qemu-system-x86_64": {"qemu-system-x86", "qemu-kvm"},
	"newuidmap":          {"uidmap", "shadow-utils"},
	"newgidmap":          {"uidmap", "shadow-utils"},
	"unshare":            {"util-linux", "util-linux"},
}
