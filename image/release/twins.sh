#!/bin/bash
# Host-native twins: runs a command in the root with this machine's own programs in place of slow
# emulated ones of the same version. Every fork of dash or sed costs ten times as much emulated.
#
#   twins.sh ROOT TOOLS COMMAND...     (in a mount namespace of its own: "unshare --mount")
#
# TOOLS is a folder with the suite's amd64 packages (root.ts makes it). Multiarch keeps their libraries
# apart. All binds are read-only and vanish with the namespace.
#
# Never twinned: dpkg and apt (they would take the root for amd64), systemd-*, ldconfig, ldd, and what
# is copied into the initramfs (udev, busybox, klibc, cryptsetup, sha256sum, ...), which also wants
# libkmod of whatever architecture it finds: no kmod, no dracut-install. The promise "every program in
# the initramfs is arm64" watches over that.
set -euo pipefail

root=$1 tools=$2
shift 2

NOT_TWINNED=' sha256sum '
PROGRAMS_OF="bash coreutils dash findutils grep gzip mawk sed tar zstd cpio perl-base"

bind() {
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
}

bind "${tools}/usr/lib/x86_64-linux-gnu" "${root}/usr/lib/x86_64-linux-gnu"
bind "${tools}/usr/lib64" "${root}/usr/lib64"
for package in ${PROGRAMS_OF}; do
  while read -r path; do
    # Merged /usr: packages may still say /bin.
    case "${path}" in
      /bin/* | /sbin/*) path="/usr${path}" ;;
      /usr/bin/* | /usr/sbin/*) ;;
      *) continue ;;
    esac
    case "${NOT_TWINNED}" in
      *" ${path##*/} "*) continue ;;
    esac
    # Links lead to programs that have their own turn.
    [ -f "${tools}${path}" ] && [ ! -L "${tools}${path}" ] || continue
    [ -f "${root}${path}" ] && [ ! -L "${root}${path}" ] || continue
    bind "${tools}${path}" "${root}${path}"
  done <"${root}/var/lib/dpkg/info/${package}.list"
done
exec "$@"
