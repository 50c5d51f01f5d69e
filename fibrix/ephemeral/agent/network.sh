# The network of the ephemeral OS. Sourced.

# wait_for_network MAC: bring all links up, lease an address on the one that the machine booted from. Sets $mac.
wait_for_network() {
	ip link set lo up
	until find_interface "$1"; do
		say "init: no network interface has the MAC ${1:-(any)}; there are: $(cat /sys/class/net/*/address | tr '\n' ' ')"
		sleep 5
		load_drivers
	done
	mac=$(cat "/sys/class/net/$interface/address")
	say "init: booted from $interface, $mac"
	keep_address "$interface" &
	hear_neighbours
	until ip -4 -o address show dev "$interface" scope global | grep -q inet; do sleep 0.2; done
	say "init: $interface has $(ip -4 -o address show dev "$interface" scope global | awk '{print $4}')"
}

# find_interface MAC: sets $interface; without a MAC (not booted by PXE), the first Ethernet interface that has a link.
find_interface() {
	interface=''
	for device in $(ethernet_devices); do
		ip link set "$device" up
		[ "$(cat "/sys/class/net/$device/address")" != "$1" ] || interface=$device
	done
	[ -z "$interface" ] || return 0
	[ -z "$1" ] || return 1
	sleep 2
	for device in $(ethernet_devices); do
		[ "$(cat "/sys/class/net/$device/carrier")" != 1 ] || { interface=$device && return 0; }
	done
	return 1
}

ethernet_devices() {
	for path in /sys/class/net/*; do
		[ ! -e "$path/device" ] || echo "${path##*/}"
	done
}

# keep_address INTERFACE: lease and renew for as long as the machine runs, whatever the DHCP server does.
keep_address() {
	while :; do
		udhcpc -f -i "$1" -s /fibrix/udhcpc.sh -V fibrix-agent -t 4 -T 2 -A 3 -S >/dev/null 2>&1
		say "init: the DHCP client of $1 ended, it is started again"
		sleep 2
	done
}

# hear_neighbours: keep the first LLDP frame (IEEE 802.1AB, ethertype 0x88cc) that each interface hears, for the inventory.
hear_neighbours() {
	mkdir -p "$FIBRIX_STATE/lldp"
	for device in $(ethernet_devices); do
		# As root: Debian's would become a user that is not here.
		tcpdump -Z root -q -U -i "$device" -c 1 -w "$FIBRIX_STATE/lldp/$device" ether proto 0x88cc >/dev/null 2>&1 &
	done
}
