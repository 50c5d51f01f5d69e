# What all parts of the agent share. Sourced; needs FIBRIX_STATE, the folder in RAM where the agent keeps what it knows.

# say WORDS...: one line on every console of the machine.
say() {
	echo "<6>fibrix: $*" >"${FIBRIX_LOG:-/dev/kmsg}"
}

# now_s: whole seconds since power on, in $now. Without a process: it is asked often.
now_s() {
	read -r now _ </proc/uptime
	now=${now%.*}
}

memory_available_kib() {
	while read -r key value _; do
		[ "$key" = MemAvailable: ] && echo "$value" && return
	done </proc/meminfo
}

# ask METHOD PATH [CURL ARGUMENTS]: a request to the controller. The answer's body is in the file $answer, its HTTP status in
# $status; 000: there was no whole answer. $limit_s: how long it may take.
ask() {
	ask_method=$1 ask_path=$2
	shift 2
	status=$(curl -sS -X "$ask_method" -H "@$FIBRIX_STATE/authorization" --connect-timeout 5 --max-time "${limit_s:-15}" \
		--max-filesize 16777216 -o "$answer" -w '%{http_code}' "$@" "$FIBRIX_URL$ask_path" 2>"$answer.error") || status=000
	[ "$status" != 000 ] || say "$ask_method $ask_path: $(cat "$answer.error")"
	note_refusal
}

# 401 and 403 mean that this boot is over: remember since when they are the answer, and stop the script that runs.
note_refusal() {
	case $status in
	2*) rm -f "$FIBRIX_STATE/refused" ;;
	401 | 403)
		[ ! -e "$FIBRIX_STATE/refused" ] || return 0
		now_s
		echo "$now" >"$FIBRIX_STATE/refused"
		say "the controller refuses this boot (HTTP $status): powering off in ${FIBRIX_REFUSED_S:-600} s if that lasts"
		abort_run "the controller refused this boot"
		;;
	esac
}

# refused_for_good: the refusals have lasted as long as they may.
refused_for_good() {
	[ -e "$FIBRIX_STATE/refused" ] || return 1
	now_s
	read -r refused_since <"$FIBRIX_STATE/refused"
	[ $((now - refused_since)) -ge "${FIBRIX_REFUSED_S:-600}" ]
}

# abort_run REASON: have the run that is under way killed, if there is one. Opened for both ways: never waits for a reader.
abort_run() {
	read -r abort_id <"$FIBRIX_STATE/run" || return 0
	[ ! -p "$FIBRIX_STATE/runs/$abort_id/mailbox" ] || echo "abort $1" 1<>"$FIBRIX_STATE/runs/$abort_id/mailbox"
}

# authorize SECRET: what all further requests carry; a file, so that no process list shows it.
authorize() {
	(umask 077 && printf 'Authorization: Bearer %s\n' "$1" >"$FIBRIX_STATE/authorization")
}
