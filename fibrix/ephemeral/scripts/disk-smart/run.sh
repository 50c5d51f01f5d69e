#!/bin/sh
# Asks each disk for its health. A disk that has no SMART is told as such, and passes.
set -u
names=$(disks "$FIBRIX_DISK") || exit 1
[ -n "$names" ] || echo "this machine has no fixed disk"
echo '{}' >all.json
failing=''
for name in $names; do
	timeout 120 smartctl -j -H -i -A "/dev/$name" >answer.json
	jq -e . answer.json >/dev/null 2>&1 || echo '{}' >answer.json
	jq --arg name "$name" --slurpfile answer answer.json '.[$name] = ($answer[0] | {
		smart: (.smart_status.passed | if . == null then "none" elif . then "passed" else "failed" end),
		model: (.model_name // ""), hours: .power_on_time.hours, temperature_c: .temperature.current})' all.json >new.json
	mv new.json all.json
	health=$(jq -r --arg name "$name" '.[$name].smart' all.json)
	echo "$name: $health"
	[ "$health" != failed ] || failing="$failing $name"
done
jq '{disks: .}' all.json >"$FIBRIX_RESULT"
[ -z "$failing" ] || { echo "SMART says that these disks are failing:$failing" >&2 && exit 1; }
