#!/bin/sh
# Called by busybox udhcpc: takes the address, and notes what the server offered in $LEASE_FILE.
set -eu
# shellcheck disable=SC2154 # udhcpc sets them
case "${1:-}" in
  bound | renew)
    ip -4 address flush dev "$interface"
    ip address add "$ip/$mask" dev "$interface"
    ip route replace default via "$router" dev "$interface"
    {
      echo "ADDRESS=$ip"
      echo "NETMASK_BITS=$mask"
      echo "ROUTER=$router"
      echo "SERVER_ADDRESS=$serverid"
      echo "DNS=${dns:-}"
      echo "NTP=${ntpsrv:-}"
      echo "DOMAINNAME=${domain:-}"
    } >"$LEASE_FILE"
    ;;
esac
