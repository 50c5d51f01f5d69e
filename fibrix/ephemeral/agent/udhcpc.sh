#!/bin/busybox sh
# What udhcpc calls with each thing that happens to a lease; the lease is in the environment.
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip link set dev "$interface" ${mtu:+mtu "$mtu"} up
ip -4 -o address show dev "$interface" | grep -q " $ip/$mask " || {
	ip -4 address flush dev "$interface"
	ip address add "$ip/$mask" dev "$interface"
}
for gateway in $router; do
	ip route replace default via "$gateway" dev "$interface"
	break
done
for server in $dns; do echo "nameserver $server"; done >/etc/resolv.conf
