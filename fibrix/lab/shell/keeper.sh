#!/bin/bash
# keeper.sh, in a machine's folder: it lives for as long as the machine's power is on.
# A guest that reboots gets a fresh QEMU: under TCG a reset inside one QEMU boots several times slower than a new one.
while :; do
    device=none
    [[ -s boot ]] && device=$(<boot)
    rm -f boot qmp # a boot device is chosen for one boot
    case $device in
    default) order=(2 1) ;; # ipmi_sim's word for the default hard disk
    *) order=(1 2) ;;
    esac
    mkfifo -m 600 qmp
    exec 3<>qmp
    echo '{"execute": "qmp_capabilities"}' >&3
    printf '\r\n=== %s: power on, boot device %s\r\n' "$(date --iso-8601=seconds)" "$device" >>serial.log
    ./start "${order[@]}" <&3 >qmp.log 2>>qemu.log
    exec 3>&-
    grep -q '"reason": "guest-reset"' qmp.log || break
done
