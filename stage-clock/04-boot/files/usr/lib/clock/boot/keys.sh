#!/bin/sh
# Keys: from the key sources to opened partitions.
#
# A key source is an executable in key-sources/ with one contract: print the key on standard output
# and exit 0, or say on standard error why there is none and exit 1. CLOCK_BOOT_DIR names the mounted
# boot partition, CLOCK_DISK the card. The order below is from best to weakest.
KEY_SOURCES="otp tpm2 board card"

# Argon2id costs are forced, never measured: the slowest board (1 GB Pi 3, about 2 s) must open them.
SLOW_KDF="--pbkdf argon2id --pbkdf-memory 65536 --pbkdf-force-iterations 4 --pbkdf-parallel 4"
# A recovery key has 256 random bits: stretching it would protect nothing and cost every start seconds.
FAST_KDF="--pbkdf pbkdf2 --pbkdf-force-iterations 1000"
RECOVERY_DIGITS=64

# key_from SOURCE FILE: writes the key to FILE (in RAM, root only).
key_from() {
  echo "not on this board" >"${PRIVATE}/why"
  [ -x "${BOOT_LIB}/key-sources/$1" ] || return 1
  CLOCK_BOOT_DIR="${PRIVATE}/boot" CLOCK_DISK="${DISK##*/}" \
    "${BOOT_LIB}/key-sources/$1" >"$2" 2>"${PRIVATE}/why"
}

# open_with_any DEVICE NAME: opens it with the first source that fits; sets OPENED_BY.
open_with_any() {
  local source
  for source in ${KEY_SOURCES}; do
    if key_from "${source}" "${PRIVATE}/key" \
      && cryptsetup open --type luks2 --key-file "${PRIVATE}/key" "$1" "$2" 2>"${PRIVATE}/why"; then
      OPENED_BY=${source}
      rm -f "${PRIVATE}/key"
      return 0
    fi
    WHY="${WHY:-}${source}: $(tr '\n' ' ' <"${PRIVATE}/why" 2>/dev/null)"
  done
  rm -f "${PRIVATE}/key"
  return 1
}

open_system() {
  WHY=
  cryptsetup isLuks --type luks2 "${OS}" \
    || stop system-damaged 3 "The header of the system partition is damaged. Write the card again."
  open_with_any "${OS}" "${OS_NAME}" \
    || stop wrong-key 2 "No key opens this card on this board: it is sealed to another board, or damaged. (${WHY})"
  note "system partition opened by key source ${OPENED_BY}"
  mkdir -p "${PRIVATE}/os"
  # The device is writable and the mount is not: ext4 may replay its journal after a cut.
  mount -t ext4 -o ro,nodev,nosuid,noexec "/dev/mapper/${OS_NAME}" "${PRIVATE}/os" \
    || stop system-damaged 3 "The system partition cannot be mounted. Write the card again."
}

# best_source FILE: the strongest source this board has, never the transport key. Sets SEAL.
best_source() {
  for SEAL in ${KEY_SOURCES}; do
    [ "${SEAL}" != card ] && key_from "${SEAL}" "$1" && return 0
  done
  stop no-seal 2 "This board tells neither a serial number nor another secret to seal the card to."
}

# recovery_key FILE: the passphrase of the recovery slots, when the card's record holds one: 64 hex
# digits, whatever white space the flasher put behind them. Returns 1 when there is none.
recovery_key() {
  local file="${PRIVATE}/os/unit/recovery.key"
  [ -e "${file}" ] || return 1
  tr -d ' \r\n' <"${file}" >"$1" && grep -qxE "[0-9a-f]{${RECOVERY_DIGITS}}" "$1" \
    || stop record-damaged 3 "The unit's record holds no usable recovery key. Write the card again."
}

# Whoever can read the state may read the release as well: "inspect" then says of a unit that failed
# whether its card is whole. Before the board's slot, so that trying for it costs no Argon2.
add_recovery_slot() {
  recovery_key "${PRIVATE}/recovery.key" || return 0
  if ! cryptsetup open --test-passphrase --type luks2 --key-file "${PRIVATE}/recovery.key" "${OS}" 2>/dev/null; then
    # shellcheck disable=SC2086 # a list of options
    cryptsetup luksAddKey --batch-mode ${FAST_KDF} --key-file "${PRIVATE}/boot/clock.key" \
      "${OS}" "${PRIVATE}/recovery.key" \
      || stop wrong-key 2 "The card's transport key no longer opens it. Write the card again."
  fi
  rm -f "${PRIVATE}/recovery.key"
}

# Gives the system partition its recovery and its board's key slot; the transport slot stays until the
# end.
seal_system() {
  add_recovery_slot
  best_source "${PRIVATE}/board.key"
  if ! cryptsetup open --test-passphrase --type luks2 --key-file "${PRIVATE}/board.key" "${OS}" 2>/dev/null; then
    # shellcheck disable=SC2086 # a list of options
    cryptsetup luksAddKey --batch-mode ${SLOW_KDF} --key-file "${PRIVATE}/boot/clock.key" \
      "${OS}" "${PRIVATE}/board.key" \
      || stop wrong-key 2 "The card's transport key no longer opens it. Write the card again."
  fi
  rm -f "${PRIVATE}/board.key"
}

# Takes the record off the system partition. Removing a file leaves its bytes where they were, under a
# volume key that was once to be had with the transport key: they are written over first. Renamed before
# that: a start after a cut finds it whole or not at all.
drop_record() {
  local file record="${PRIVATE}/os/unit" used="${PRIVATE}/os/unit.used"
  [ -e "${record}" ] || [ -e "${used}" ] || return 0
  mount -o remount,rw "${PRIVATE}/os" || stop card-failing 5 "The system partition cannot be written."
  if [ -e "${record}" ]; then
    mv "${record}" "${used}" && sync || stop card-failing 5 "The system partition cannot be written."
  fi
  for file in "${used}"/*; do
    [ -f "${file}" ] || continue
    dd if=/dev/urandom of="${file}" bs=4096 count=$((($(wc -c <"${file}") + 4095) / 4096)) \
      conv=notrunc,fsync 2>/dev/null || stop card-failing 5 "The system partition cannot be written."
  done
  rm -rf "${used}"
  sync
  mount -o remount,ro "${PRIVATE}/os"
}

# The factory record leaves the system partition, then the transport slot, then the key's file:
# the file is the sign that something is left to do, so it goes last.
drop_transport_key() {
  local key="${PRIVATE}/boot/clock.key"
  drop_record
  if cryptsetup open --test-passphrase --type luks2 --key-file "${key}" "${OS}" 2>/dev/null; then
    cryptsetup luksRemoveKey --batch-mode "${OS}" "${key}" \
      || stop card-failing 5 "The transport key slot cannot be removed."
  fi
  mount -o remount,rw "${PRIVATE}/boot" || stop card-failing 5 "The boot partition cannot be written."
  dd if=/dev/urandom of="${key}" bs=64 count=1 conv=notrunc,fsync 2>/dev/null
  # A file that stayed would let a later start take a damaged state partition for an unfinished one.
  rm -f "${key}" && sync && [ ! -e "${key}" ] \
    || stop card-failing 5 "The transport key cannot be removed from the boot partition."
  mount -o remount,ro "${PRIVATE}/boot"
}
