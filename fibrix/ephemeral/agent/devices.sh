# Drivers for what is in the machine. Sourced.

# load_drivers: by the names that devices give themselves, until no new ones appear: there are buses behind buses.
load_drivers() {
	seen=''
	for round in 1 2 3 4; do
		names=$(find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u)
		[ "$names" != "$seen" ] || break
		echo "$names" | xargs modprobe -a -b -q 2>/dev/null
		seen=$names
		sleep 0.2
	done
	# Nothing announces these: a BMC without an ACPI or PNP entry is found by SMBIOS, SCSI disks by their bus.
	modprobe -a -q ipmi_si ipmi_devintf sd_mod ext4 xfs 2>/dev/null
	say "init: $(wc -l </proc/modules) drivers are loaded"
}

# power_down off|reboot: what is still written to a disk first; the magic key where the firmware does not answer.
power_down() {
	say "init: $1"
	sync
	case $1 in
	off) poweroff -f && sleep 30; echo o >/proc/sysrq-trigger ;;
	reboot) reboot -f && sleep 30; echo b >/proc/sysrq-trigger ;;
	esac
	sleep 30
}
