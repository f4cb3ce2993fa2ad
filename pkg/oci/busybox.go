package oci

import "strings"

// busyboxApplets are the names by which Debian's busybox-static is called in its image: those of its applets that are of
// use to somebody who looks into a pod, and no daemon or tool for a machine's own devices, accounts or boot.
func busyboxApplets() []string {
	return strings.Fields(`[ [[ arp arping ascii ash awk base64 basename bc bunzip2 bzcat bzip2 cal cat chgrp chmod chown chroot
		clear cmp cp cpio crc32 cut date dc dd df diff dirname dmesg dnsdomainname dos2unix du echo ed egrep env expand
		expr factor fallocate false fgrep find fold free ftpget ftpput getopt grep groups gunzip gzip head hexdump hostid
		hostname httpd id ifconfig ip ipcalc ipneigh kill killall last less link ln logger logname ls lzcat lzma md5sum
		microcom mkdir mkfifo mknod mktemp more mount mv nc netstat nl nproc nsenter nslookup nuke od paste patch
		pidof ping ping6 printf ps pwd readlink realpath renice reset resume rev rm rmdir route sed seq
		setpriv setsid sh sha1sum sha256sum sha3sum sha512sum shred shuf sleep sort ssl_client stat strings stty sync sysctl
		tac tail tar taskset tee telnet test tftp time timeout top touch tr traceroute traceroute6 true truncate ts tty umount
		uname uncompress unexpand uniq unix2dos unlink unlzma unshare unxz unzip uptime usleep uudecode uuencode vi watch wc
		wget which who whoami xargs xxd xz xzcat yes zcat`)
}

// Accounts of the busybox image, in the formats of passwd(5) and group(5). Beside root there is the one that Debian has for
// whoever is to have no rights.
const (
	busyboxUsers  = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
	busyboxGroups = "root:x:0:\nnogroup:x:65534:\n"
)
