#!/bin/bash -e
# Before any package: what is never unpacked, and which slow programs wait until the end.
# Also run by the embedded engine as mmdebstrap's essential hook, with ROOTFS_DIR set.

install -d "${ROOTFS_DIR}/etc/dpkg/dpkg.cfg.d" "${ROOTFS_DIR}/boot/firmware"
# Copyright files stay: their licences ask for it. Modules for hardware the unit does not have stay
# out; without the wireless ones there is no Wi-Fi and no Bluetooth, whatever is configured.
cat >"${ROOTFS_DIR}/etc/dpkg/dpkg.cfg.d/clock" <<'RULES'
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/lib/modules/*/kernel/sound/*
path-exclude=/usr/lib/modules/*/kernel/net/bluetooth/*
path-exclude=/usr/lib/modules/*/kernel/net/mac80211/*
path-exclude=/usr/lib/modules/*/kernel/net/wireless/*
path-exclude=/usr/lib/modules/*/kernel/drivers/bluetooth/*
path-exclude=/usr/lib/modules/*/kernel/drivers/net/wireless/*
path-exclude=/usr/lib/modules/*/kernel/drivers/gpu/*
path-exclude=/usr/lib/modules/*/kernel/drivers/infiniband/*
path-exclude=/usr/lib/modules/*/kernel/drivers/isdn/*
path-exclude=/usr/lib/modules/*/kernel/drivers/media/*
path-exclude=/usr/lib/modules/*/kernel/drivers/scsi/*
path-exclude=/usr/lib/modules/*/kernel/drivers/staging/*
path-exclude=/usr/lib/modules/*/kernel/drivers/video/*
RULES

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
