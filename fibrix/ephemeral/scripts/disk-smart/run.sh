#!/bin/sh
# Asks each disk for its health. A disk that has no SMART is told as such, and passes.
set -u
names=$(disks "$FIBRIX_DISK") || exit 1
[ -n "$names" ] || echo "this machine has no fixed disk"
for name in $names; do
	printf '%s\t' "$name"
	timeout 120 smartctl --json=c -H -i -A "/dev/$name" | grep '^{' || echo '{}'
done >answers
jq -R -n '{disks: [inputs | split("\t") | {key: .[0], value: (.[1:] | join("\t") | fromjson | {
	smart: (.smart_status.passed | if . == null then "none" elif . then "passed" else "failed" end),
	model: (.model_name // ""), hours: .power_on_time.hours, temperature_c: .temperature.current})}] | from_entries}' \
	answers >"$FIBRIX_RESULT" || exit 1
cat "$FIBRIX_RESULT"
! grep -q '"smart": "failed"' "$FIBRIX_RESULT" || { echo "SMART says that a disk is failing" >&2 && exit 1; }
