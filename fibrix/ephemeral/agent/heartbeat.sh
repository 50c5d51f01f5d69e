#!/bin/busybox sh
# Signs of life, for as long as the agent runs. usage: heartbeat.sh SECONDS
. "${0%/*}/common.sh"
answer=$FIBRIX_STATE/heartbeat.answer limit_s=10

while :; do
	read -r run <"$FIBRIX_STATE/run" || run=''
	read -r uptime _ </proc/uptime
	ask POST heartbeat -H 'Content-Type: application/json' --data-binary \
		"{\"run\": \"$run\", \"uptime_s\": $uptime, \"memory_free_bytes\": $(($(memory_available_kib) * 1024))}"
	# The answer is `go-on` or `abort`; looked at without jq, as this is done every few seconds on machines that are slow.
	[ "$status" != 200 ] || ! grep -q '"abort"' "$answer" || abort_run "aborted by the controller"
	sleep "$1"
done
