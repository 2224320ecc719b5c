#!/bin/bash -e
# The embedded engine hands over a root that mmdebstrap made; pi-gen makes its own here, of the same packages:
# without its "important" ones, and from the sources that CLOCK_SOURCES (a file for apt) names.
if [ ! -d "${ROOTFS_DIR}" ]; then
  read -r _ mirror _ <"${CLOCK_SOURCES:?set CLOCK_SOURCES to a file with lines for apt, the mirror first}"
  bootstrap --variant=minbase --components=main,non-free-firmware --exclude=ca-certificates \
    "${RELEASE}" "${ROOTFS_DIR}" "${mirror}"
  # bootstrap() asks debootstrap for no status and, with options before the suite, looks in the wrong place.
  if [ -d "${ROOTFS_DIR}/debootstrap" ]; then
    tail -n 20 "${ROOTFS_DIR}/debootstrap/debootstrap.log" >&2
    exit 1
  fi
  install -m 0644 "${CLOCK_SOURCES}" "${ROOTFS_DIR}/etc/apt/sources.list"
  # Security updates; mmdebstrap installs them at once.
  on_chroot <<'CHROOT'
apt-get update
apt-get dist-upgrade --yes
CHROOT
fi
