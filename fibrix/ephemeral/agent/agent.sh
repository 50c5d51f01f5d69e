#!/bin/busybox sh
# The agent: asks the controller for orders and obeys (docs/agent-protocol.md). Exit status 100: power off; 101: reboot.
# It may be killed and started at any moment: what it must not forget is in FIBRIX_STATE.
here=${0%/*}
. "$here/common.sh"
. "$here/report.sh"
answer=$FIBRIX_STATE/agent.answer

main() {
	mkdir -p "$FIBRIX_STATE/runs"
	: >"$FIBRIX_STATE/run"
	[ ! -s "$FIBRIX_STATE/heartbeat.pid" ] || kill "$(cat "$FIBRIX_STATE/heartbeat.pid")" 2>/dev/null
	end_unfinished
	hello
	"$here/heartbeat.sh" "$heartbeat_s" &
	heartbeat=$!
	echo $heartbeat >"$FIBRIX_STATE/heartbeat.pid"
	trap 'kill $heartbeat' EXIT
	trap 'exit 1' TERM INT
	while :; do
		kill -0 $heartbeat 2>/dev/null || exit 1
		next_order
	done
}

# give_up_if_refused: the controller has long said that this boot is over; nobody waits for this machine.
give_up_if_refused() {
	! refused_for_good || exit 100
}

# hello: trade the boot token for a session. The secret outlives the agent, so that the same hello is said again.
hello() {
	secret_file=$FIBRIX_STATE/secret
	[ -s "$secret_file" ] || (umask 077 && od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' >"$secret_file")
	authorize "$(cat "$FIBRIX_STATE/token")"
	read -r uptime _ </proc/uptime
	printf '{"mac": "%s", "secret": "%s", "version": "1", "uptime_s": %s}' "$FIBRIX_MAC" "$(cat "$secret_file")" "$uptime" \
		>"$answer.hello"
	say "agent: hello to $FIBRIX_URL"
	ask POST hello -H 'Content-Type: application/json' --data-binary "@$answer.hello"
	until [ "$status" = 200 ] && heartbeat_s=$(jq -er '.heartbeat_s | select(type == "number" and . > 0)' "$answer"); do
		give_up_if_refused
		say "agent: hello was answered with HTTP $status"
		sleep 3
		ask POST hello -H 'Content-Type: application/json' --data-binary "@$answer.hello"
	done
	rm -f "$answer.hello"
	authorize "$(cat "$secret_file")"
	say "agent: this is machine $(jq -r .machine "$answer")"
}

next_order() {
	now_s
	asked=$now
	limit_s=40 ask GET orders
	kind=''
	[ "$status" != 200 ] || read_order
	case $kind in
	run) obey_run ;;
	abort) abort_run "aborted by the controller" ;;
	power-off) exit 100 ;;
	reboot) exit 101 ;;
	wait) pace ;;
	*)
		give_up_if_refused
		sleep 3
		;;
	esac
}

# read_order: sets $kind, $id, $script, $script_url, $sha256, $timeout_s, $offset, and keeps the order as shell text, with its
# parameters as a function that exports them. One call of jq: it takes a second to start on the slowest machines.
read_order() {
	jq -r '
		def text($name; $value): "\($name)=\($value | tostring | @sh)";
		text("kind"; .kind), text("id"; .run // ""), text("script"; .script // ""), text("script_url"; .url // ""),
		text("sha256"; .sha256 // ""), text("timeout_s"; .timeout_s // 0 | floor), text("offset"; .offset // 0 | floor),
		"parameters() { :",
		(.parameters // {} | to_entries[] | select(.key | test("^[a-z][a-z0-9_]*$"))
			| "export " + text("FIBRIX_\(.key | ascii_upcase)"; .value)),
		"}"' "$answer" >"$FIBRIX_STATE/order" 2>/dev/null && . "$FIBRIX_STATE/order"
}

# pace: a controller that answers at once with nothing to do is not asked in a tight loop.
pace() {
	now_s
	[ $((now - asked)) -ge 1 ] || sleep 1
}

obey_run() {
	case $id in '' | *[!A-Za-z0-9_-]*) say "agent: a run has no usable id" && sleep 3 && return ;; esac
	run=$FIBRIX_STATE/runs/$id
	if [ ! -e "$run/result.json" ]; then
		echo "$id" >"$FIBRIX_STATE/run"
		prepare_run && start_run
		follow_run
		: >"$FIBRIX_STATE/run"
	fi
	send_output && send_result && rm -f "$run/output"
}

# prepare_run: the script, checked, and its order. Fails after it left a result that says why.
prepare_run() {
	mkdir -p "$run/scratch"
	: >"$run/output"
	mv "$FIBRIX_STATE/order" "$run/order"
	say "agent: run $id is $script"
	fetch_script || { fail_run "the script could not be fetched: HTTP $status" && return 1; }
	mv "$answer" "$run/script"
	sum=$(sha256sum <"$run/script")
	[ "${sum%% *}" = "$sha256" ] || { fail_run "the script's checksum is wrong" && return 1; }
	chmod 700 "$run/script"
}

# fetch_script: asks until the controller is there to answer.
fetch_script() {
	ask GET "$script_url"
	until [ "$status" = 200 ]; do
		case $status in 000 | 5*) sleep 3 ;; *) return 1 ;; esac
		ask GET "$script_url"
	done
}

start_run() {
	mkfifo "$run/mailbox" "$run/errors" "$run/last"
	"$here/run.sh" "$run" &
}

# follow_run: send what the script prints while it prints it, until its result is there.
follow_run() {
	until [ -e "$run/result.json" ]; do
		send_output || true
		sleep 0.5
	done
}

# fail_run REASON: a result of the agent's own, for a run that could not be carried out.
fail_run() {
	say "agent: run ${run##*/}: $1"
	jq -n --arg reason "$1" '{exit_status: 1, timed_out: false, aborted: false, values: {}, reason: $reason}' \
		>"$run/result.new" && mv "$run/result.new" "$run/result.json"
}

# end_unfinished: runs that an earlier life of the agent left without a result.
end_unfinished() {
	for run in "$FIBRIX_STATE"/runs/*; do
		[ -d "$run" ] && [ ! -e "$run/result.json" ] || continue
		[ ! -p "$run/mailbox" ] || echo "abort the agent was started anew" 1<>"$run/mailbox"
		sleep 2
		[ -e "$run/result.json" ] || fail_run "the agent was started anew while this ran"
	done
}

main
