#!/bin/bash
# daemon.sh PID_FILE LOG_FILE COMMAND... : start a command that outlives its caller, leader of its own session.
# PID_FILE gets its pid and its start time (field 22 of /proc/PID/stat), so that nobody ever signals a recycled pid.
# Nothing inherited is passed on: ipmi_sim waits for the end of a pipe, 10 s a command, while anyone holds it open.
pid_file=$1 log_file=$2
shift 2
exec </dev/null >>"$log_file" 2>&1
for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    ((fd > 2)) && eval "exec $fd>&-"
done
setsid "$@" &
read -r stat 2>/dev/null <"/proc/$!/stat" # it may have ended already: then it was born at 0, and is never alive
fields=(${stat##*) }) # what follows the command name starts with field 3
echo "$! ${fields[19]:-0}" >"$pid_file.new"
mv "$pid_file.new" "$pid_file"
