#!/bin/sh
# The card: finding it, its boot partition, and the partition table.

FIND_SECONDS=60   # slow cards and USB readers; a Pi finds its card within three
OS_MIB=1024       # the system partition grows to this: room for a second release
STATE_MIB_MIN=256 # below this the outbox has no room
SECTORS_PER_MIB=2048
STATE_WIPE_MIB=4 # both LUKS2 headers of an earlier life

# Sets OS (partition 2), DISK, BOOT_PART, STATE (partition 3, may not exist yet).
find_card() {
  local waited=0
  while OS=$(blkid --match-token "LABEL=${OS_NAME}" --output device | head -n 1) && [ -z "${OS}" ]; do
    if [ "${waited}" -ge "${FIND_SECONDS}" ]; then
      stop no-card 1 "No Clock system partition found. Is this card a Clock card, and is it whole?"
    fi
    sleep 1
    waited=$((waited + 1))
  done
  DISK=${OS%2}
  PREFIX=${DISK}
  case "${DISK}" in
    *[0-9]p) DISK=${DISK%p} ;;
  esac
  BOOT_PART=${PREFIX}1
  STATE=${PREFIX}3
}

has_state_partition() {
  [ -e "/sys/class/block/${STATE##*/}" ]
}

mount_boot() {
  mkdir -p "${PRIVATE}/boot"
  mount -t vfat -o ro,nodev,nosuid,noexec "${BOOT_PART}" "${PRIVATE}/boot" \
    || stop boot-damaged 3 "The boot partition cannot be read. Write the card again."
}

sysfs_number() {
  cat "/sys/class/block/$1"
}

# One write of one sector: partition 2 grown, partition 3 over the rest of the card. Before that,
# whatever an earlier life left where partition 3 begins is wiped, so that only what this first boot
# makes can ever be taken for our state.
make_state_partition() {
  local boot_start boot_size os_start os_size state_start state_size disk_size
  boot_start=$(sysfs_number "${BOOT_PART##*/}/start")
  boot_size=$(sysfs_number "${BOOT_PART##*/}/size")
  os_start=$(sysfs_number "${OS##*/}/start")
  disk_size=$(sysfs_number "${DISK##*/}/size")
  os_size=$((OS_MIB * SECTORS_PER_MIB))
  state_start=$((os_start + os_size))
  state_size=$((disk_size - state_start))
  if [ "${state_size}" -lt $((STATE_MIB_MIN * SECTORS_PER_MIB)) ]; then
    stop card-too-small 6 "The card has $((disk_size / SECTORS_PER_MIB)) MiB; use one of 4 GB or more."
  fi
  dd if=/dev/zero of="${DISK}" bs=1M seek=$((state_start / SECTORS_PER_MIB)) \
    count="${STATE_WIPE_MIB}" conv=notrunc,fsync 2>/dev/null \
    || stop card-failing 5 "The card cannot be written. Replace it."
  udevadm settle --timeout=30
  sfdisk --quiet --lock=yes --wipe never --label dos "${DISK}" 2>"${PRIVATE}/why" <<TABLE || stop card-failing 5 "The partition table cannot be written."
start=${boot_start}, size=${boot_size}, type=c, bootable
start=${os_start}, size=${os_size}, type=83
start=${state_start}, size=${state_size}, type=83
TABLE
  sync
  # The kernel refuses a new table while anything, also udev's own look at it, holds a partition open.
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    udevadm settle --timeout=30
    has_state_partition && return 0
    sleep 1
    blockdev --rereadpt "${DISK}" 2>/dev/null || true
  done
  has_state_partition || stop card-failing 5 "The new partition table did not take effect."
}
