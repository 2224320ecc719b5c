#!/bin/bash -e
# Before any package: what is never unpacked, and which slow programs wait until the end.
# Also run by the embedded engine as mmdebstrap's essential hook, with ROOTFS_DIR set.

install -d "${ROOTFS_DIR}/etc/dpkg/dpkg.cfg.d" "${ROOTFS_DIR}/boot/firmware"
rules=etc/dpkg/dpkg.cfg.d/clock
install -m 0644 "${CLOCK_STAGE:?set it to the folder of stage-clock}/80-slim/files/${rules}" "${ROOTFS_DIR}/${rules}"

# Both are run once at the end: emulated they take minutes, and packages ask for them many times.
for program in update-initramfs depmod; do
  if [ ! -e "${ROOTFS_DIR}/usr/sbin/${program}.clock" ]; then
    chroot "${ROOTFS_DIR}" dpkg-divert --quiet --local --no-rename \
      --divert "/usr/sbin/${program}.clock" --add "/usr/sbin/${program}"
    if [ -e "${ROOTFS_DIR}/usr/sbin/${program}" ]; then
      mv "${ROOTFS_DIR}/usr/sbin/${program}" "${ROOTFS_DIR}/usr/sbin/${program}.clock"
    fi
    ln -s ../bin/true "${ROOTFS_DIR}/usr/sbin/${program}"
  fi
done
