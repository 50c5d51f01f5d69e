#!/bin/sh
# What this machine is made of. Its values are the fields of the controller's Hardware record.
set -u
main() {
	wait_for_neighbours
	for path in /sys/class/net/*; do
		[ ! -e "$path/device" ] || interface "${path##*/}"
	done >interfaces
	for name in $(all_disks); do disk "$name"; done >disks
	bmc
	# The one call of jq: it takes a second to start on the slowest machines.
	jq -n \
		--arg cpu_model "$(sed -n 's/^model name[[:space:]]*: *//p' /proc/cpuinfo | head -n 1)" \
		--argjson cpu_count "$(grep -c ^processor /proc/cpuinfo)" \
		--argjson memory_bytes "$(memory_bytes)" \
		--arg vendor "$(dmi sys_vendor)" --arg product "$(dmi product_name)" --arg serial "$(dmi product_serial)" \
		--arg uuid "$(dmi product_uuid | tr A-Z a-z)" \
		--arg firmware "$([ -d /sys/firmware/efi ] && echo uefi || echo bios)" \
		--arg bmc_address "$bmc_address" --arg bmc_version "$bmc_version" \
		--rawfile interface_lines interfaces --rawfile disk_lines disks '
		def trimmed: gsub("^\\s+|\\s+$"; "");
		def rows: split("\n") | map(select(. != "") | split("\t"));
		def health: if . == null then "" elif . then "passed" else "failed" end;
		($interface_lines | rows | map({mac: .[0], name: .[1], driver: .[2], speed_mbps: (.[3] | tonumber? // null),
			link: ({"1": true, "0": false}[.[4]]), neighbour: .[5]})) as $interfaces
		| ($disk_lines | rows | map((.[7:] | join("\t") | fromjson? // {}) as $smart | {name: .[0],
			size_bytes: (.[1] | tonumber), block_bytes: (.[2] | tonumber),
			serial: (if .[3] == "" then $smart.serial_number // "" else .[3] end | trimmed),
			model: ($smart.model_name // .[4] | trimmed),
			rotational: (.[5] == "1"), removable: (.[6] == "1"), smart: ($smart.smart_status.passed | health)})) as $disks
		| $ARGS.named | del(.interface_lines, .disk_lines) + {$interfaces, $disks}' >"$FIBRIX_RESULT" || exit 1
	cat "$FIBRIX_RESULT"
}

# field TEXT: without what would break a line of fields in two.
field() {
	printf '%s\t' "$(printf '%s' "$1" | tr -d '[:cntrl:]')"
}

# dmi NAME: a field of SMBIOS as the kernel gives it, without what vendors write where nothing is known.
dmi() {
	cat "/sys/class/dmi/id/$1" 2>/dev/null | sed 's/[[:space:]]*$//' |
		grep -viE '^(to be filled by o\.e\.m\.|default string|not specified|none|0+|system serial number|\.*)$' | head -n 1
}

# memory_bytes: what is in the slots; what the kernel has where SMBIOS does not tell.
memory_bytes() {
	slots=$(dmidecode -q -t 17 2>/dev/null | awk '
		$1 == "Size:" && $3 == "kB" { kib += $2 }
		$1 == "Size:" && $3 == "MB" { kib += $2 * 1024 }
		$1 == "Size:" && $3 == "GB" { kib += $2 * 1048576 }
		$1 == "Size:" && $3 == "TB" { kib += $2 * 1073741824 }
		END { printf "%.0f", kib * 1024 }')
	total=$(awk '/^MemTotal:/ { printf "%.0f", $2 * 1024 }' /proc/meminfo)
	[ "${slots:-0}" -gt "$total" ] && echo "$slots" || echo "$total"
}

# interface NAME: a line of fields; the MAC is its own, whatever it is set to now.
interface() {
	path=/sys/class/net/$1
	mac=$(ethtool -P "$1" 2>/dev/null | awk '$3 ~ /^(..:)+..$/ && $3 != "00:00:00:00:00:00" { print $3 }')
	speed=$(cat "$path/speed" 2>/dev/null)
	[ "${speed:--1}" -gt 0 ] || speed=''
	field "${mac:-$(cat "$path/address")}"
	field "$1"
	field "$(basename "$(readlink "$path/device/driver")")"
	field "$speed"
	field "$(cat "$path/carrier" 2>/dev/null)"
	neighbour "$1"
	echo
}

# neighbour INTERFACE: system name and port of the LLDP frame that the agent kept, if one was heard.
neighbour() {
	[ -s "$FIBRIX_STATE/lldp/$1" ] || return 0
	tcpdump -Z root -n -v -r "$FIBRIX_STATE/lldp/$1" 2>/dev/null | awk '
		/System Name TLV/ { sub(/.*length [0-9]+: /, ""); name = $0 }
		/Subtype .* \([0-9]+\): / && port_next { sub(/.*\([0-9]+\): /, ""); port = $0; port_next = 0 }
		/Port ID TLV/ { port_next = 1 }
		END { print name (name != "" && port != "" ? " " : "") port }' | tr -d '[:cntrl:]' | cut -c 1-200
}

wait_for_neighbours() {
	while read -r up _ </proc/uptime && [ "${up%.*}" -lt "$FIBRIX_LLDP_S" ] && some_neighbour_is_missing; do sleep 1; done
}

some_neighbour_is_missing() {
	for path in /sys/class/net/*; do
		[ -e "$path/device" ] && [ "$(cat "$path/carrier" 2>/dev/null)" = 1 ] || continue
		[ -n "$(neighbour "${path##*/}")" ] || return 0
	done
	return 1
}

# all_disks: removable ones too; a drive without a medium has no size and is none.
all_disks() {
	for path in /sys/block/*; do
		case ${path##*/} in loop* | ram* | zram* | sr* | fd* | dm-* | md* | nbd* | mtd*) continue ;; esac
		[ "$(cat "$path/size")" = 0 ] || echo "${path##*/}"
	done
}

# disk NAME: a line of fields, the last of them what smartctl says.
disk() {
	path=/sys/block/$1
	field "$1"
	field $(($(cat "$path/size") * 512))
	field "$(cat "$path/queue/logical_block_size")"
	field "$(cat "$path/serial" 2>/dev/null || cat "$path/device/serial" 2>/dev/null)"
	field "$(cat "$path/device/model" 2>/dev/null)"
	field "$(cat "$path/queue/rotational")"
	field "$(cat "$path/removable")"
	timeout 60 smartctl --json=c -i -H "/dev/$1" 2>/dev/null | grep '^{' || echo '{}'
}

# bmc: by the machine's own IPMI interface, where the kernel found one.
bmc() {
	bmc_address='' bmc_version=''
	[ -e /dev/ipmi0 ] || return 0
	bmc_version=$(timeout 20 ipmitool mc info 2>/dev/null | sed -n 's/^IPMI Version *: *//p')
	for channel in 1 2 8; do
		bmc_address=$(timeout 20 ipmitool lan print $channel 2>/dev/null | sed -n 's/^IP Address  *: *//p')
		case $bmc_address in '' | 0.0.0.0) bmc_address='' ;; *) break ;; esac
	done
}

main
