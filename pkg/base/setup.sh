# Prepares the directory $1 for mmdebstrap, with the files in $2. $3 is the process namespace of nodekiln.
set -eu
root=$1 files=$2 outside=$3

# Standard input ends with nodekiln, however that ends. What a plain user started in a namespace of its own could not be
# ended from outside; here it can. Never where nodekiln itself would be among what is killed.
inside=$(readlink /proc/self/ns/pid)
if [ "$MMDEBSTRAP_MODE" = unshare ] && [ -n "$outside" ] && [ "$inside" != "$outside" ]; then
	exec 3<&0
	(cat <&3 && kill -KILL -1) >/dev/null 2>&1 &
	exec 3<&-
fi

mkdir -p "$root/var/lib/dpkg/info"
cp "$files/status" "$root/var/lib/dpkg/status"
for package in nodekiln-initrd usr-is-merged; do
	: >"$root/var/lib/dpkg/info/$package.list"
done

# The links that make /usr the one place of all programs, which usr-is-merged insists on.
for dir in bin sbin lib lib64; do
	mkdir -p "$root/usr/$dir"
	ln -s "usr/$dir" "$root/$dir"
done
