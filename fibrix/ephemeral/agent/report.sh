# Sending what a run printed and how it ended. Sourced by the agent; works on $run and $id, from byte $offset on.
chunk_bytes=65536

# send_output: all that is there, a chunk a request. Fails when the rest must wait; the controller alone says how far it is.
send_output() {
	stuck=0
	while [ -e "$run/output" ] && size=$(stat -c %s "$run/output") && [ "$offset" -lt "$size" ]; do
		dd if="$run/output" of="$run/chunk" bs=$chunk_bytes skip="$offset" count=1 iflag=skip_bytes 2>/dev/null
		ask POST "runs/$id/output?offset=$offset" -H 'Content-Type: application/octet-stream' --data-binary "@$run/chunk"
		case $status in
		200) take_offset || return 1 ;;
		404) forget_run && return 1 ;;
		000 | 5* | 401 | 403) return 1 ;;
		*) say "agent: output of run $id is refused (HTTP $status)" && offset=$size ;;
		esac
	done
}

# take_offset: go on from where the controller is. One that stands still five times keeps no more: the rest is not sent.
take_offset() {
	kept=$(sed -n 's/^{ *"offset" *: *\([0-9][0-9]*\) *}.*/\1/p' "$answer")
	[ -n "$kept" ] || return 1
	if [ "$kept" -gt "$offset" ]; then stuck=0; else stuck=$((stuck + 1)); fi
	offset=$kept
	[ $stuck -lt 5 ] || offset=$size
	[ $stuck -eq 0 ] || sleep 1
}

# send_result: until it is taken. A controller that will never take it as it is gets it without its values.
send_result() {
	while :; do
		ask POST "runs/$id/result" -H 'Content-Type: application/json' --data-binary "@$run/result.json"
		case $status in
		200) say "agent: run $id is reported" && return ;;
		404) forget_run && return 1 ;;
		400 | 413 | 422) strip_result || return 1 ;;
		401 | 403) give_up_if_refused ;;
		esac
		sleep 2
	done
}

strip_result() {
	[ "$(jq -c .values "$run/result.json")" != '{}' ] || return 1
	jq --arg reason "the controller refused the result (HTTP $status): its values were left out" \
		'.values = {} | .reason = $reason | .exit_status = (if .exit_status == 0 then 1 else .exit_status end)' \
		"$run/result.json" >"$run/result.new" && mv "$run/result.new" "$run/result.json"
}

# forget_run: the controller knows nothing of it any more.
forget_run() {
	say "agent: the controller does not know run $id"
	abort_run "the controller forgot this run"
	[ ! -e "$run/result.json" ] || rm -f "$run/output"
}
