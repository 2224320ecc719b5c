#!/bin/sh
# From a card to a mounted root. Runs in the initramfs (busybox ash) as root.
#
# Every step may be repeated: the power can go at any point, and the next start ends in the same
# good state. Until the marker "complete" lies in the state partition the first boot starts again;
# from then on the state partition is never formatted.
#
# Nothing here opens a shell. When it cannot go on, stop() says why on every console and by the LED.

BOOT_LIB=/usr/lib/clock/boot
WORK=/run/clock            # readable for the running system: boot.env
PRIVATE=/run/clock/private # mount points and keys: root only
OS_NAME=clock-os
STATE_NAME=clock-state
ACTIVE_SLOT=a # clock.slot= on the command line: kernel and root are of one release

. "${BOOT_LIB}/report.sh"
. "${BOOT_LIB}/card.sh"
. "${BOOT_LIB}/keys.sh"
. "${BOOT_LIB}/state.sh"
. "${BOOT_LIB}/root.sh"

clock_boot() {
  mkdir -p "${WORK}"
  chmod 0755 "${WORK}"
  mkdir -p "${PRIVATE}"
  chmod 0700 "${PRIVATE}"
  read_command_line

  step find-card
  find_card
  if ! has_state_partition; then
    FIRST_BOOT=yes
    step make-partition
    make_state_partition
  fi
  mount_boot

  step open-system
  open_system
  check_slot

  step open-state
  if ! open_state; then
    FIRST_BOOT=yes
    step format-state
    format_state
    step fill-state
    fill_state
    step seal
    seal_system
    step complete
    complete_state
  fi
  note "state partition ${FSCK}, opened by key source ${STATE_BY}"
  if [ -e "${PRIVATE}/boot/clock.key" ]; then
    step drop-transport-key
    drop_transport_key
  fi
  step grow-system
  grow_system

  step check-root
  check_root
  step mount-root
  mount_root
  write_report
  lock_down
  step "done"
}

read_command_line() {
  local word
  read -r words </proc/cmdline
  for word in ${words}; do
    case "${word}" in
      clock.slot=[ab]) ACTIVE_SLOT=${word#clock.slot=} ;;
    esac
  done
}
