#!/bin/sh
# Writes a whole-disk image: checked while it is written, and told where its metadata is. What fails leaves nothing bootable.
set -u -o pipefail
part_bytes=16777216  # of the download that is held in memory at a time; what a controller's restart costs at most

main() {
	read -r began _ </proc/uptime
	disk=$(choose_disk) || exit 1
	echo "writing to $disk: $FIBRIX_SIZE_BYTES bytes"
	[ ! -e "/sys/block/$disk/ro" ] || [ "$(cat "/sys/block/$disk/ro")" = 0 ] || fail "$disk is read-only"
	forget_disk || fail "the disk $disk cannot be written"
	trap 'forget_disk 2>&1' EXIT  # not to standard error: its last line is the reason why
	write
	[ -z "$FIBRIX_METADATA_URL" ] || tell_metadata
	sync
	flush || fail "the disk $disk failed while the last of the image was written"
	trap - EXIT
	read -r ended _ </proc/uptime
	printf '{"disk": "%s", "bytes": %s, "seconds": %s}\n' "$disk" "$FIBRIX_SIZE_BYTES" \
		"$(echo "$began $ended" | awk '{ printf "%.1f", $2 - $1 }')" >"$FIBRIX_RESULT"
	echo "done"
}

fail() {
	echo "$*" >&2
	exit 1
}

disk_bytes() {
	echo $(($(cat "/sys/block/$1/size") * 512))
}

# choose_disk: the one that was named, or the smallest that is large enough.
choose_disk() {
	if [ -n "$FIBRIX_DISK" ]; then
		disks "$FIBRIX_DISK" >/dev/null || return 1
		[ "$(disk_bytes "$FIBRIX_DISK")" -ge "$FIBRIX_SIZE_BYTES" ] ||
			fail "$FIBRIX_DISK is too small: it has $(disk_bytes "$FIBRIX_DISK") bytes, the image $FIBRIX_SIZE_BYTES"
		echo "$FIBRIX_DISK"
		return
	fi
	for name in $(disks); do echo "$(disk_bytes "$name") $name"; done | sort -k 1n -k 2 >by_size
	[ -s by_size ] || fail "this machine has no fixed disk"
	awk -v need="$FIBRIX_SIZE_BYTES" '$1 >= need { print $2; found = 1; exit } END { exit !found }' by_size ||
		fail "no disk is large enough: the largest has $(tail -n 1 by_size | cut -d ' ' -f 1) bytes, the image $FIBRIX_SIZE_BYTES"
}

# zero OFFSET LENGTH: zeros on the disk; its remarks about what was there are not for the reason of a failure.
zero() {
	blkdiscard -z -o "$1" -l "$2" "/dev/$disk" 2>zero.error || { cat zero.error >&2 && return 1; }
}

# forget_disk: no partition table at either end: a disk with half an image on it must not boot.
forget_disk() {
	zero 0 1048576 && zero $(($(disk_bytes "$disk") - 1048576)) 1048576
}

# write: zeros first, fast where the disk can, as the image's holes are skipped and must not show what was there before.
write() {
	zero 0 $(((FIBRIX_SIZE_BYTES + 511) / 512 * 512)) || fail "$disk cannot be overwritten"
	echo "$disk is blank"
	exec 7<>"/dev/$disk"  # held open: an error of late writing is kept until someone asks for it
	mkfifo stream
	sha256sum <stream >sum &
	download | tee stream | unpack >&7 2>unpack.error
	packed=$?
	wait
	read -r sum _ <sum
	[ ! -s download.error ] || fail "the image could not be fetched: $(cat download.error)"
	[ "$sum" = "$FIBRIX_SHA256" ] || fail "the image is not what was asked for: its SHA-256 is $sum, expected $FIBRIX_SHA256"
	[ $packed -eq 0 ] || fail "the image could not be unpacked to $disk: $(tail -n 1 unpack.error)"
	flush || fail "the disk $disk failed while the image was written"
	exec 7>&-
	echo "the image is on $disk, its SHA-256 is right"
	blockdev --rereadpt "/dev/$disk"
	[ "$(blkid -p -s PTTYPE -o value "/dev/$disk")" != gpt ] || sfdisk -q --relocate gpt-bak-std "/dev/$disk" ||
		fail "the partition table could not be moved to the end of $disk"
	blockdev --rereadpt "/dev/$disk"
}

unpack() {
	case $FIBRIX_FORMAT in
	raw) cat ;;
	*) zstd -q -d -c --sparse ;;
	esac
}

flush() {
	dd if=/dev/null of="/dev/$disk" conv=notrunc,fsync 2>/dev/null
}

# download: the file to standard output, part by part. A controller that is away is waited for; the time limit is the run's.
download() {
	case $FIBRIX_IMAGE_URL in *://*) image_url=$FIBRIX_IMAGE_URL ;; *) image_url=$FIBRIX_URL$FIBRIX_IMAGE_URL ;; esac
	header='Accept: */*'  # the session's secret goes to the controller's own pages alone
	case $image_url in "$FIBRIX_URL"*) header="Authorization: Bearer $FIBRIX_SECRET" ;; esac
	(umask 077 && printf '%s\n' "$header" >header)
	at=0 total=1
	while [ $at -lt "$total" ]; do
		part || return 1
		total=${range##*/}
		case $total in '' | *[!0-9]*) echo "the server does not say how long it is" >download.error && return 1 ;; esac
		got=$(stat -c %s part)
		[ "$got" -gt 0 ] || { echo "the server sent an empty part" >download.error && return 1; }
		cat part || return 1
		at=$((at + got))
		echo "$at of $total bytes are here" >&2
	done
}

# part: one range of the file (RFC 9110 §14), asked for until it comes; sets $range to the answer's Content-Range.
part() {
	while :; do
		answer=$(curl -sS -H @header -r "$at-$((at + part_bytes - 1))" -o part --connect-timeout 10 --max-time 600 \
			--speed-limit 1000 --speed-time 60 -w '%{http_code} %header{content-range}' "$FIBRIX_IMAGE_URL" 2>part.error)
		curl_status=$? code=${answer%% *} range=${answer#* }
		[ $curl_status -ne 0 ] || [ "$code" != 206 ] || return 0
		case $code in
		000 | 206 | 5*) echo "the image's server is away ($(cat part.error)HTTP $code): trying again" >&2 && sleep 3 ;;
		200) echo "the server does not serve parts of it (RFC 9110 section 14)" >download.error && return 1 ;;
		*) echo "HTTP $code" >download.error && return 1 ;;
		esac
	done
}

# tell_metadata: into the installed system's own configuration of cloud-init, on whichever partition that is.
tell_metadata() {
	mkdir root
	for device in "/dev/$disk"*; do
		case $(blkid -p -s TYPE -o value "$device") in ext4 | xfs) ;; *) continue ;; esac
		mount "$device" root || continue
		if [ -d root/etc/cloud ]; then
			write_seed || fail "the metadata's place could not be written to $device"
			umount root || fail "$device could not be unmounted"
			echo "cloud-init on $device is told where its metadata is"
			return
		fi
		umount root
	done
	fail "no partition of the image holds cloud-init: its metadata's place cannot be told"
}

write_seed() {
	mkdir -p root/etc/cloud/cloud.cfg.d && cat >root/etc/cloud/cloud.cfg.d/90-fibrix.cfg <<-EOF
		datasource_list: [NoCloud]
		datasource:
		  NoCloud:
		    seedfrom: "$FIBRIX_METADATA_URL"
	EOF
}

main
