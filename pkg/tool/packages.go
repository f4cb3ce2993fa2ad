package tool

// packageOf names the package that has a program which nodekiln runs, on Debian and on CentOS; "" is not known.
func packageOf(program string) (debian, centos string) {
	names := map[string][2]string{
		"go":                 {"golang-go", "golang"},
		"mmdebstrap":         {"mmdebstrap", "mmdebstrap"},
		"mkfs.ext4":          {"e2fsprogs", "e2fsprogs"},
		"grub-mkimage":       {"grub-common", "grub2-tools"},
		"qemu-img":           {"qemu-utils", "qemu-img"},
		"qemu-system-x86_64": {"qemu-system-x86", "qemu-kvm"},
		"newuidmap":          {"uidmap", "shadow-utils"},
		"newgidmap":          {"uidmap", "shadow-utils"},
		"unshare":            {"util-linux", "util-linux"},
	}[program]
	return names[0], names[1]
}
