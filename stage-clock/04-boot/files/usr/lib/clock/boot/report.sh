#!/bin/sh
# What a person sees while the unit starts: one line per step, and a reason plus a LED pattern when
# it cannot go on.

STOP_SECONDS=300 # shown long enough to be seen and photographed; then a new start may find it healed

step() {
  STEP=$1
  read -r uptime _ </proc/uptime
  echo "clock: ${uptime} ${STEP}" >/dev/console
}

note() {
  echo "clock: $*" >/dev/console
}

# stop CODE BLINKS REASON...: never returns. /dev/kmsg reaches every console there is.
stop() {
  local code=$1 blinks=$2
  shift 2
  if card_is_failing; then
    code=card-failing blinks=5
    set -- "The card returns read or write errors. Replace the card. ($*)"
  fi
  echo "<2>clock: STOPPED (${code}) at ${STEP}: $*" >/dev/kmsg
  echo "clock: STOPPED (${code}) at ${STEP}: $*" >/dev/console
  echo "clock: the LED blinks ${blinks} times; a new start follows in ${STOP_SECONDS} s" >/dev/console
  blink "${blinks}" "${STOP_SECONDS}"
  umount -a -r 2>/dev/null
  reboot -f
  sleep 60
  exit 1 # init ends: the kernel panics and restarts (panic=30)
}

# The kernel's words (block/blk-core.c, fs/buffer.c, drivers/mmc/core/sd.c). Not "SDIO card": that is
# the Wi-Fi's.
card_is_failing() {
  dmesg 2>/dev/null \
    | grep -qE "I/O error,? (on )?dev (mmcblk|vd)|mmc[0-9]+: error -[0-9]+ whilst initialising SD card"
}

# blink TIMES SECONDS: TIMES short flashes, a pause, again, on every LED of the board.
blink() {
  local end=$(($(cut -d . -f 1 /proc/uptime) + $2)) led i
  for led in /sys/class/leds/*; do
    [ -w "${led}/trigger" ] && echo none >"${led}/trigger"
  done
  while [ "$(cut -d . -f 1 /proc/uptime)" -lt "${end}" ]; do
    i=0
    while [ "${i}" -lt "$1" ]; do
      light 1
      sleep 0.2
      light 0
      sleep 0.3
      i=$((i + 1))
    done
    sleep 1.5
  done
}

light() {
  local led
  for led in /sys/class/leds/*; do
    [ -w "${led}/brightness" ] && echo "$1" >"${led}/brightness"
  done
}
