#!/bin/sh
# The root: which slot, is it whole, mount it read-only under a RAM overlay.

OVERLAY_SHARE=25% # of RAM, for everything that is written outside the state partition

check_slot() {
  SLOT_DIR="${PRIVATE}/os/slots/${ACTIVE_SLOT}"
  [ -f "${SLOT_DIR}/root.erofs" ] \
    || stop slot-damaged 3 "Slot ${ACTIVE_SLOT} holds no release. Write the card again."
}

# Every byte of the release is checked at every start: a card that lies is found here, in words,
# instead of later as a fault nobody understands.
check_root() {
  (cd "${PRIVATE}/boot" && /usr/lib/clock/sha256sum --check --quiet "${SLOT_DIR}/boot.sha256" >"${PRIVATE}/why" 2>/dev/null) \
    || stop boot-damaged 3 "The boot partition is damaged ($(head -n 3 "${PRIVATE}/why" | tr '\n' ' ')). Write the card again."
  (cd "${SLOT_DIR}" && /usr/lib/clock/sha256sum --check --status root.sha256) \
    || stop slot-damaged 3 "The root image in slot ${ACTIVE_SLOT} is damaged. Write the card again."
}

# The system partition was made just big enough; its filesystem takes the grown partition while
# mounted, which the kernel does through the journal: a cut leaves the old or the new size.
grow_system() {
  local have want
  want=$(($(sysfs_number "dm-0/size") / 8))
  have=$(stat -f -c %b "${PRIVATE}/os")
  # Filesystem overhead makes "have" smaller; only a real difference is worth the work.
  [ $((have * 2)) -lt "${want}" ] || return 0
  mount -o remount,rw "${PRIVATE}/os" \
    && resize2fs "/dev/mapper/${OS_NAME}" >"${PRIVATE}/why" 2>&1 \
    || note "the system partition could not be grown: $(cat "${PRIVATE}/why")"
  mount -o remount,ro "${PRIVATE}/os"
}

mount_root() {
  local lower="${PRIVATE}/lower" upper="${PRIVATE}/upper" state="${PRIVATE}/state"
  mkdir -p "${lower}" "${upper}"
  /usr/lib/clock/mount -t erofs -o ro,nodev "${SLOT_DIR}/root.erofs" "${lower}" \
    || stop slot-damaged 3 "The root image in slot ${ACTIVE_SLOT} cannot be mounted. Write the card again."
  mount -t tmpfs -o "size=${OVERLAY_SHARE},mode=0755" overlay "${upper}"
  mkdir -p "${upper}/upper" "${upper}/work"
  # shellcheck disable=SC2154 # rootmnt comes from initramfs-tools
  mount -t overlay -o "lowerdir=${lower},upperdir=${upper}/upper,workdir=${upper}/work" root "${rootmnt}" \
    || stop slot-damaged 3 "The root overlay cannot be mounted."
  cat "${state}/machine-id" >"${rootmnt}/etc/machine-id"
  echo "clockrpi-$(cat "${state}/serial")" >"${rootmnt}/etc/hostname"
  mkdir -p "${rootmnt}/var/lib/clock" "${rootmnt}/var/lib/systemd/timesync"
  mount -o bind "${state}" "${rootmnt}/var/lib/clock"
  # Last known time: the floor of a board without a clock chip.
  mount -o bind "${state}/timesync" "${rootmnt}/var/lib/systemd/timesync"
}

# What the agent shows. No secret, nothing to parse but KEY=value.
write_report() {
  cat >"${WORK}/boot.env" <<REPORT
SLOT=${ACTIVE_SLOT}
RELEASE=$(cat "${SLOT_DIR}/version" 2>/dev/null)
SEAL=${STATE_BY}
FIRST_BOOT=${FIRST_BOOT:-no}
STATE_DEVICE=${STATE}
FSCK=${FSCK}
BOOT_ID=$(cat /proc/sys/kernel/random/boot_id)
BOARD=$(tr -d '\0' </proc/device-tree/model 2>/dev/null)
CARD_CID=$(cat "/sys/block/${DISK##*/}/device/cid" 2>/dev/null)
REPORT
  chmod 0644 "${WORK}/boot.env"
}

lock_down() {
  umount "${PRIVATE}/boot"
  rm -f "${PRIVATE}/why" "${PRIVATE}/fsck"
}
