#!/bin/sh
# Makes each disk forget what was installed: zeros over its start and end, no signature left. Not an erasure of the data.
set -u
names=$(disks "$FIBRIX_DISK") || exit 1
[ -n "$names" ] || echo "this machine has no fixed disk"

# wipe NAME: file systems inside partitions lose their signatures first, so that nothing is found in a later layout.
wipe() {
	for path in "/sys/block/$1/$1"*; do
		[ ! -e "$path/partition" ] || wipefs -q -a -f "/dev/${path##*/}" || return 1
	done
	wipefs -q -a -f "/dev/$1" || return 1
	mib=$(($(cat "/sys/block/$1/size") / 2048))
	count=$FIBRIX_SIZE_MB
	[ "$count" -le $((mib + 1)) ] || count=$((mib + 1))
	bytes=$((count * 1048576)) size=$(($(cat "/sys/block/$1/size") * 512))
	[ $bytes -le $size ] || bytes=$size
	blkdiscard -z -o 0 -l $bytes "/dev/$1" || return 1
	blkdiscard -z -o $((size - bytes)) -l $bytes "/dev/$1" || return 1
	dd if=/dev/null of="/dev/$1" conv=notrunc,fsync 2>/dev/null || return 1
	blockdev --rereadpt "/dev/$1" 2>/dev/null
	echo "$1: $bytes bytes at each end are zero"
}

wiped=''
for name in $names; do
	wipe "$name" || { echo "$name could not be wiped" >&2 && exit 1; }
	wiped="$wiped${wiped:+, }\"$name\""
done
echo "{\"wiped\": [$wiped]}" >"$FIBRIX_RESULT"
