#!/bin/sh
# Tests memory with memtester: one process on each processor, as many MiB each as the share gives.
set -u
free_mb=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
test_mb=$((free_mb * FIBRIX_SHARE / 100))
[ "$FIBRIX_LIMIT_MB" -eq 0 ] || [ $test_mb -le "$FIBRIX_LIMIT_MB" ] || test_mb=$FIBRIX_LIMIT_MB
[ $test_mb -ge 1 ] || { echo "only $free_mb MiB of memory are free: nothing can be tested" >&2 && exit 1; }
workers=$(nproc)
[ "$workers" -le $((test_mb / 16 + 1)) ] || workers=$((test_mb / 16 + 1))
each_mb=$((test_mb / workers))
echo "testing $((each_mb * workers)) of $free_mb MiB free memory, $FIBRIX_PASSES times, in $workers processes"
read -r began _ </proc/uptime

# worker NUMBER: memtester with a line for each pattern, without the marks of its progress; its exit status is kept in a file.
worker() {
	{ memtester "${each_mb}M" "$FIBRIX_PASSES" 2>&1; echo $? >"status.$1"; } |
		awk -v worker="$1" '/:/ { sub(/: .*\010/, ": "); print worker ": " $0; fflush() }'
}

number=0
while [ $number -lt "$workers" ]; do
	worker $number &
	number=$((number + 1))
done
wait
read -r ended _ </proc/uptime
failed=$(grep -Lx 0 status.* | wc -l)
seconds=$(echo "$began $ended" | awk '{ printf "%.1f", $2 - $1 }')
printf '{"tested_bytes": %s, "passes": %s, "failed_processes": %s, "seconds": %s}\n' \
	$((each_mb * workers * 1048576)) "$FIBRIX_PASSES" "$failed" "$seconds" >"$FIBRIX_RESULT"
[ "$failed" -eq 0 ] || { echo "memtester found faults, or could not test, in $failed of $workers processes" >&2 && exit 1; }
