#!/bin/sh
# Writes random bytes at places spread evenly over each disk, past the kernel's cache, reads them back and compares.
set -u
names=$(disks "$FIBRIX_DISK") || exit 1
[ -n "$names" ] || echo "this machine has no fixed disk"
faults=0 values=''

for name in $names; do
	size=$(($(cat "/sys/block/$name/size") * 512))
	block=$((FIBRIX_BLOCK_KIB * 1024))
	[ $block -le $size ] || block=$size
	dd if=/dev/urandom of=written bs=$block count=1 iflag=fullblock 2>/dev/null
	bad=0 sample=0
	while [ $sample -lt "$FIBRIX_SAMPLES" ]; do
		offset=0
		[ "$FIBRIX_SAMPLES" -eq 1 ] || offset=$(((size - block) / 4096 * sample / (FIBRIX_SAMPLES - 1) * 4096))
		if ! dd if=written of="/dev/$name" bs=$block seek=$offset oflag=seek_bytes,direct conv=notrunc,fsync 2>told; then
			echo "$name: cannot write $block bytes at $offset: $(head -n 1 told)"
			bad=$((bad + 1))
		elif ! dd if="/dev/$name" of=read bs=$block count=1 skip=$offset iflag=skip_bytes,direct 2>told; then
			echo "$name: cannot read $block bytes at $offset: $(head -n 1 told)"
			bad=$((bad + 1))
		elif ! cmp -s written read; then
			echo "$name: what was read at $offset is not what was written"
			bad=$((bad + 1))
		fi
		sample=$((sample + 1))
	done
	echo "$name: $sample samples of $block bytes, $bad bad"
	values="$values${values:+, }\"$name\": {\"samples\": $sample, \"faults\": $bad}"
	faults=$((faults + bad))
done
echo "{\"disks\": {$values}}" >"$FIBRIX_RESULT"
[ $faults -eq 0 ] || { echo "$faults places could not be written or read back" >&2 && exit 1; }
