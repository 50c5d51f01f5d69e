#!/bin/sh
# Reads samples spread evenly over each disk, past the kernel's cache. A place that cannot be read fails the test.
set -u
names=$(disks "$FIBRIX_DISK") || exit 1
[ -n "$names" ] || echo "this machine has no fixed disk"
faults=0 values=''

for name in $names; do
	size=$(($(cat "/sys/block/$name/size") * 512))
	block=$((FIBRIX_BLOCK_KIB * 1024))
	[ $block -le $size ] || block=$size
	: >rates
	bad=0 sample=0
	while [ $sample -lt "$FIBRIX_SAMPLES" ]; do
		# The last sample ends with the disk's last block; all start at a multiple of 4 KiB or there.
		offset=0
		[ "$FIBRIX_SAMPLES" -eq 1 ] || offset=$(((size - block) / 4096 * sample / (FIBRIX_SAMPLES - 1) * 4096))
		[ $sample -eq 0 ] || [ $sample -ne $((FIBRIX_SAMPLES - 1)) ] || offset=$((size - block))
		if dd if="/dev/$name" of=/dev/null bs=$block count=1 skip=$offset iflag=skip_bytes,direct 2>told; then
			sed -n 's/.* copied, \([0-9.e-]*\) s,.*/\1/p' told | awk -v n=$block '$1 > 0 { printf "%.1f\n", n / $1 / 1e6 }' >>rates
		else
			echo "$name: cannot read $block bytes at $offset: $(head -n 1 told)"
			bad=$((bad + 1))
		fi
		sample=$((sample + 1))
	done
	sort -n rates >sorted
	least=$(head -n 1 sorted)
	median=$(sed -n "$(($(wc -l <sorted) / 2 + 1))p" sorted)
	echo "$name: $sample samples of $block bytes, $bad could not be read; MB/s least ${least:-?}, median ${median:-?}"
	values="$values${values:+, }\"$name\": {\"samples\": $sample, \"faults\": $bad, \"least_mb_s\": ${least:-null}, \"median_mb_s\": ${median:-null}}"
	faults=$((faults + bad))
done
echo "{\"disks\": {$values}}" >"$FIBRIX_RESULT"
[ $faults -eq 0 ] || { echo "$faults places could not be read" >&2 && exit 1; }
