#!/bin/bash
# ipmi_sim's chassis_control: chassis.sh MACHINE_FOLDER get PARAMETER... | set PARAMETER VALUE...
# Parameters: power, reset, shutdown, boot (none, pxe, default: ipmi_sim's word for the hard disk, …), identify.
# `lab power` calls it as well: it is the machine's power button.
here=$(cd "$(dirname "$0")" && pwd)
cd "$1" || exit 1
verb=$2
shift 2
exec 9>power.lock
flock 9

note() { echo "$(date +%T.%3N) $*" >>chassis.log; } # what is asked, and when it goes on

running() { # is the keeper of power.pid still the one that was started?
    [[ -s power.pid ]] && read -r keeper born <power.pid && [[ -r /proc/$keeper/stat ]] || return 1
    read -r stat <"/proc/$keeper/stat" 2>/dev/null || return 1
    fields=(${stat##*) })
    [[ ${fields[0]} != Z && ${fields[19]} == "$born" ]]
}

switch_on() {
    running && return
    note "goes on"
    "$here/daemon.sh" power.pid keeper.log "$here/keeper.sh"
}

switch_off() { # keeper and QEMU are one process group
    for _ in {1..50}; do
        running || return 0
        # One that was started just now may not lead its group yet.
        kill -KILL -- "-$keeper" 2>/dev/null || kill -KILL "$keeper" 2>/dev/null
        sleep 0.02
    done
    echo "chassis.sh: machine did not go off" >&2
    return 1
}

get() {
    for parameter; do
        case $parameter in
        power) running && echo power:1 || echo power:0 ;;
        boot) [[ -s boot ]] && echo "boot:$(<boot)" || echo boot:none ;;
        *) echo "chassis.sh: nothing known of $parameter" >&2 && return 1 ;;
        esac
    done
}

set_() {
    while (($#)); do
        note "set $1 $2"
        case $1 in
        power) if [[ $2 == 1 ]]; then switch_on; else switch_off; fi ;;
        reset) running && switch_off && switch_on ;;
        shutdown) running && echo '{"execute": "system_powerdown"}' >qmp ;; # the ACPI power button
        boot) echo "$2" >boot ;;
        identify) ;;
        *) echo "chassis.sh: cannot set $1" >&2 && return 1 ;;
        esac || return 1
        shift 2
    done
}

case $verb in
get) get "$@" ;;
set) set_ "$@" ;;
*) echo "chassis.sh: $verb is neither get nor set" >&2 && exit 1 ;;
esac
