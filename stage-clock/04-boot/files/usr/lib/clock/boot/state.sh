#!/bin/sh
# The state partition: made on the first boot under a volume key that exists nowhere else.

# Opens, checks and mounts it. Fails (returns 1) if its first boot was not completed.
# stop()s if it was completed and cannot be used: then it holds the hotel's data and is not touched.
open_state() {
  WHY=
  FSCK=clean
  cryptsetup isLuks --type luks2 "${STATE}" || return_unless_sealed
  if ! open_with_any "${STATE}" "${STATE_NAME}"; then
    return_unless_sealed
    return 1
  fi
  STATE_BY=${OPENED_BY}
  check_state || return 1
  mkdir -p "${PRIVATE}/state"
  if mount -t ext4 -o noatime,nodev,nosuid,noexec "/dev/mapper/${STATE_NAME}" "${PRIVATE}/state" \
    && [ -e "${PRIVATE}/state/complete" ]; then
    return 0
  fi
  umount "${PRIVATE}/state" 2>/dev/null
  return_unless_sealed
  cryptsetup close "${STATE_NAME}"
  return 1
}

# While the transport key file is there the first boot may start again; without it the state was
# complete once, and formatting it would lose what it holds.
return_unless_sealed() {
  [ -e "${PRIVATE}/boot/clock.key" ] \
    || stop state-damaged 4 "The state partition cannot be opened or mounted. (${WHY})"
  return 1
}

check_state() {
  e2fsck -p "/dev/mapper/${STATE_NAME}" >"${PRIVATE}/fsck" 2>&1
  [ $? -le 1 ] && return 0
  FSCK=repaired
  e2fsck -f -y "/dev/mapper/${STATE_NAME}" >"${PRIVATE}/fsck" 2>&1
  [ $? -le 2 ] && return 0
  cat "${PRIVATE}/fsck" >/dev/console
  return_unless_sealed
  cryptsetup close "${STATE_NAME}"
  return 1
}

format_state() {
  cryptsetup close "${STATE_NAME}" 2>/dev/null
  [ -e "${PRIVATE}/boot/clock.key" ] \
    || stop no-transport-key 2 "The card was never sealed and its transport key is missing. Write it again."
  best_source "${PRIVATE}/board.key"
  # The kernel's random number generator is ready: hardware RNG, or jitter after at most a second.
  dd if=/dev/random of="${PRIVATE}/volume.key" bs=64 count=1 2>/dev/null
  # shellcheck disable=SC2086 # a list of options
  cryptsetup luksFormat --batch-mode --type luks2 --label "${STATE_NAME}" --sector-size 4096 \
    --subsystem "$(record_serial)" \
    --cipher aes-xts-plain64 --key-size 512 --volume-key-file "${PRIVATE}/volume.key" ${SLOW_KDF} \
    --key-file "${PRIVATE}/board.key" "${STATE}" \
    || stop card-failing 5 "The state partition cannot be formatted."
  cryptsetup open --type luks2 --volume-key-file "${PRIVATE}/volume.key" "${STATE}" "${STATE_NAME}" \
    || stop card-failing 5 "The state partition cannot be opened after formatting."
  if recovery_key "${PRIVATE}/recovery.key"; then
    # shellcheck disable=SC2086 # a list of options
    cryptsetup luksAddKey --batch-mode ${FAST_KDF} --volume-key-file "${PRIVATE}/volume.key" \
      "${STATE}" "${PRIVATE}/recovery.key" \
      || stop card-failing 5 "The state partition cannot be given its recovery key."
  fi
  rm -f "${PRIVATE}/volume.key" "${PRIVATE}/board.key" "${PRIVATE}/recovery.key"
  mke2fs -q -F -t ext4 -b 4096 -m 1 -L clock-state -E lazy_itable_init=1 "/dev/mapper/${STATE_NAME}" \
    || stop card-failing 5 "The state partition cannot be given a filesystem."
  STATE_BY=${SEAL}
}

# The serial of the record in the clear on the header: support reads off a card whose it is, and which
# recovery key opens it. It is no secret: it stands on the label and in the host name.
record_serial() {
  local serial=""
  [ ! -s "${PRIVATE}/os/unit/serial" ] || serial=$(tr -cd '0-9a-f' <"${PRIVATE}/os/unit/serial")
  echo "${serial}"
}

# What must survive every restart: who this unit is.
fill_state() {
  local state="${PRIVATE}/state"
  mkdir -p "${state}"
  mount -t ext4 -o noatime,nodev,nosuid,noexec "/dev/mapper/${STATE_NAME}" "${state}" \
    || stop card-failing 5 "The new state partition cannot be mounted."
  if [ -d "${PRIVATE}/os/unit" ]; then
    # What is lost here is lost for good: drop_transport_key removes the record.
    cp "${PRIVATE}/os/unit/"* "${state}/" \
      || stop card-failing 5 "The unit's record cannot be copied. Write the card again."
    # It opens what it lies in: the escrow has it, nobody needs it here.
    rm -f "${state}/recovery.key"
  fi
  give_to_agent
  carry_over
  # 128 random bits, as in "clockrpi-a407a36985b48965a3e00ab85aa1e820".
  [ -s "${state}/serial" ] || hexdump -n 16 -v -e '16/1 "%02x" "\n"' /dev/urandom >"${state}/serial"
  tr -d - </proc/sys/kernel/random/uuid >"${state}/machine-id"
  mkdir -p "${state}/timesync"
  chmod 0755 "${state}"
  # What the agent reads, as a user of its own; all else in a record stays root's.
  chmod 0444 "${state}/serial" "${state}/machine-id"
  [ ! -e "${state}/endpoints.json" ] || chmod 0444 "${state}/endpoints.json"
  sync
}

# What another card of this unit had not told yet: the agent's queue begins with it. A first boot is
# complete once and then has no record any more, so no card takes it on twice.
carry_over() {
  local carried="${PRIVATE}/state/carried.db.gz" queue="${PRIVATE}/state/agent/outbox.db"
  [ -e "${carried}" ] || return 0
  gunzip -c <"${carried}" >"${queue}" && chmod 0600 "${queue}" \
    || stop record-damaged 3 "What was to be carried over cannot be unpacked. Write the card again."
  rm -f "${carried}"
}

# What a record holds for the agent goes into its own folder: systemd gives that with all it holds to
# the agent's user at the service's first start (StateDirectory= in clock-agent.service).
give_to_agent() {
  local name agent="${PRIVATE}/state/agent"
  mkdir -p "${agent}" && chmod 0700 "${agent}" \
    || stop card-failing 5 "The unit's record cannot be stored. Write the card again."
  for name in claim.crt claim.key registration.token unit.json; do
    [ -e "${PRIVATE}/state/${name}" ] || continue
    chmod 0600 "${PRIVATE}/state/${name}" && mv "${PRIVATE}/state/${name}" "${agent}/" \
      || stop card-failing 5 "The unit's record cannot be stored. Write the card again."
  done
}

complete_state() {
  : >"${PRIVATE}/state/complete"
  sync
}
