#!/bin/bash -e
# Modules are indexed and the initramfs is made once, here, after all packages and files.
# CLOCK_INITRAMFS_CACHE (optional) is a directory that keeps finished ones, by all that goes into them.

# stage-debian put both aside while packages were installed; mkinitramfs needs the real depmod, or the
# initramfs has no module index and finds no card.
for program in update-initramfs depmod; do
  if [ -e "${ROOTFS_DIR}/usr/sbin/${program}.clock" ]; then
    mv -f "${ROOTFS_DIR}/usr/sbin/${program}.clock" "${ROOTFS_DIR}/usr/sbin/${program}"
    on_chroot <<CHROOT
dpkg-divert --quiet --local --no-rename --remove "/usr/sbin/${program}"
CHROOT
  fi
done

# Raspberry Pi OS installs several kernels; Debian one.
for modules in "${ROOTFS_DIR}"/usr/lib/modules/*; do
  version=$(basename "${modules}")
  depmod --basedir "${ROOTFS_DIR}/usr" "${version}" 2>/dev/null || depmod --basedir "${ROOTFS_DIR}" "${version}"

  key=$({
    cat "${ROOTFS_DIR}/var/lib/dpkg/status"
    find "${ROOTFS_DIR}/etc/initramfs-tools" "${ROOTFS_DIR}/usr/lib/clock/boot" \
      "${ROOTFS_DIR}/usr/sbin/depmod" "${ROOTFS_DIR}/usr/lib/modules/${version}/modules.dep" "${ROOTFS_DIR}/etc/modprobe.d" -type f -print0 \
      | sort -z | xargs -0 sha256sum | sed "s# ${ROOTFS_DIR}# #"
  } | sha256sum | cut -d ' ' -f 1)
  kept="${CLOCK_INITRAMFS_CACHE:+${CLOCK_INITRAMFS_CACHE}/initrd-${key}}"
  target="${ROOTFS_DIR}/boot/initrd.img-${version}"
  if [ -n "${kept}" ] && [ -f "${kept}" ]; then
    log "initramfs for ${version}: unchanged"
    cp "${kept}" "${target}"
    continue
  fi
  on_chroot <<CHROOT
# Unquoted on purpose: the version comes from outside. All files get this time: what the build left
# newer or older would otherwise differ from build to build, and with every commit.
export SOURCE_DATE_EPOCH=1
mkinitramfs -o "/boot/initrd.img-${version}" "${version}"
CHROOT
  if [ -n "${kept}" ]; then
    cp "${target}" "${kept}.tmp"
    mv "${kept}.tmp" "${kept}"
  fi
done
