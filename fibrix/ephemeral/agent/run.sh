#!/bin/busybox sh
# One run of one machine script, to its end: exit, time limit or abort. usage: run.sh FOLDER
# Leaves `output` (both of its outputs, as they come) and, last, `result.json` in the folder.
. "${0%/*}/common.sh"
run=$1
. "$run/order"  # $timeout_s, and what `parameters` exports
output_bytes=4194000  # the controller keeps 4 MiB; what a script prints must not fill the machine's memory
values_bytes=262144
cgroup=${FIBRIX_CGROUPS:-/sys/fs/cgroup}/${run##*/}

main() {
	exec 9<>"$run/mailbox"
	mkdir -p "$cgroup" && [ -e "$cgroup/cgroup.kill" ] || { rmdir "$cgroup" && cgroup=''; }
	collect &
	now_s
	deadline=$((now + timeout_s))
	launch &
	await_end
	kill_all
	await_collector
	write_result
	[ -z "$cgroup" ] || rmdir "$cgroup" 2>/dev/null
	rm -rf "$run/scratch" "$run/script" "$run/mailbox" "$run/errors" "$run/last" "$run/out" "$run/chunk"
}

# collect: the script's output into a file, as it comes; what is too much is counted, and read on so that nobody waits.
collect() {
	mkfifo "$run/out"
	tail -c 2048 <"$run/last" >"$run/last.error" &
	tee "$run/last" <"$run/errors" >"$run/out" &
	{
		# busybox's dd counts octets here; that of GNU takes each short read from a pipe for a whole block.
		busybox dd bs=64k iflag=count_bytes count=$output_bytes 2>/dev/null >>"$run/output"
		dropped=$(wc -c)
		[ "$dropped" -eq 0 ] || printf '\n[fibrix: %s more bytes of output were dropped]\n' "$dropped" >>"$run/output"
	} <"$run/out"
	wait
	: >"$run/collected"
}

# launch: the script in a session and a control group of its own, first to go when memory is short; then tell how it ended.
launch() {
	until [ -p "$run/out" ]; do sleep 0.05; done
	(
		[ -z "$cgroup" ] || echo 0 >"$cgroup/cgroup.procs"
		echo 500 >/proc/self/oom_score_adj
		parameters
		export FIBRIX_RESULT=$run/values.json FIBRIX_SECRET="$(cat "$FIBRIX_STATE/secret")"
		unset FIBRIX_MAC FIBRIX_REFUSED_S
		cd "$run/scratch" || exit 126
		exec setsid sh -c 'echo $$ >"$0/pid" && exec "$0/script"' "$run"
	) <"/dev/null" >"$run/out" 2>"$run/errors" 9<&-
	echo "ended $?" >&9
}

# await_end: sets $exit_status, $timed_out, $aborted and $why.
await_end() {
	exit_status='' timed_out=false aborted=false why=''
	while [ -z "$exit_status" ]; do
		now_s
		left_s=$((deadline - now))
		if [ $left_s -le 0 ] && [ -z "$why" ]; then
			timed_out=true why="stopped: its time limit of $timeout_s s was over"
			stop_now
		elif [ -n "$why" ] && [ $now -ge $give_up ]; then
			exit_status=137 why="$why; it could not be killed: it waits for a device"
		else
			[ -z "$why" ] || { left_s=1 && kill_all; }  # again: it may have been starting just then
			read -r -t "$left_s" word rest <&9 || continue
			take_mail
		fi
	done
}

take_mail() {
	case $word in
	ended) exit_status=$rest ;;
	abort)
		[ -n "$why" ] || aborted=true why=$rest
		stop_now
		;;
	esac
}

stop_now() {
	give_up=$((now + 20))
	kill_all
}

# kill_all: the script and every process that came of it; without a control group, those that stayed in its session's group.
kill_all() {
	[ -z "$cgroup" ] || echo 1 >"$cgroup/cgroup.kill"
	[ ! -s "$run/pid" ] || kill -9 "-$(cat "$run/pid")" 2>/dev/null
}

await_collector() {
	for tick in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		[ ! -e "$run/collected" ] || return 0
		sleep 0.1
	done
	say "agent: run ${run##*/} still holds its output open"
}

# write_result: last of all, whole or not at all: the agent sends it as soon as it is there.
write_result() {
	[ -n "$why" ] || [ "$exit_status" = 0 ] || why=$(last_error)
	[ -e "$run/values.json" ] || echo '{}' >"$run/values.json"
	if ! { [ "$(stat -c %s "$run/values.json")" -le $values_bytes ] && compose "$run/values.json"; }; then
		[ "$exit_status" != 0 ] || { exit_status=1 && why="its result file is no JSON object of at most $values_bytes bytes"; }
		echo '{}' >"$run/values.json"
		compose "$run/values.json"
	fi
	say "agent: run ${run##*/} ended with status $exit_status${why:+: $why}"
	rm -f "$run/values.json"
	mv "$run/result.new" "$run/result.json"
}

# compose VALUES: the result's JSON; fails when the values are not one object.
compose() {
	jq -es --argjson exit_status "$exit_status" --argjson timed_out $timed_out --argjson aborted $aborted --arg reason "$why" \
		'if length == 1 and (.[0] | type == "object") then {$exit_status, $timed_out, $aborted, values: .[0], $reason}
		else error("no object") end' "$1" >"$run/result.new" 2>/dev/null
}

# last_error: the last line with anything in it that the script wrote to standard error, without control characters.
last_error() {
	last=$(tr -d '\000-\010\013-\037\177' <"$run/last.error" | grep '[^[:space:]]' | tail -n 1 | cut -c 1-500)
	echo "${last:-it ended with status $exit_status and said nothing}"
}

main
