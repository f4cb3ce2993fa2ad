#!/bin/sh
# Writes what flannel has decided on for this machine as options of dockerd: -k is the variable that holds them, -d the
# file, which docker's unit reads.
key=DOCKER_NETWORK_OPTIONS
file=/run/flannel/docker
while getopts k:d: option; do
	case $option in
	k) key=$OPTARG ;;
	d) file=$OPTARG ;;
	*) exit 2 ;;
	esac
done
# shellcheck source=/dev/null
. /run/flannel/subnet.env
# Only one of the two may hide the pods' addresses behind the machine's.
masquerade=true
if [ "$FLANNEL_IPMASQ" = true ]; then
	masquerade=false
fi
mkdir -p "$(dirname "$file")"
printf '%s="--bip=%s --ip-masq=%s --mtu=%s"\n' "$key" "$FLANNEL_SUBNET" "$masquerade" "$FLANNEL_MTU" >"$file.new"
mv "$file.new" "$file"
