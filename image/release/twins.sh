#!/bin/bash
# Host-native twins: runs a command in the root with this machine's own programs in place of slow
# emulated ones of the same version. Every fork of dash or sed costs ten times as much emulated.
#
#   twins.sh ROOT TOOLS COMMAND...     (in a mount namespace of its own: "unshare --mount")
#   . twins.sh                         (base.sh: bind_libraries and bind_programs, each when it is time)
#
# TOOLS is a folder with the suite's amd64 packages (tools.ts makes it). Multiarch keeps their libraries
# apart. All binds are read-only and vanish with the namespace.
#
# Never twinned: apt and dpkg (they would take the root for amd64; base.sh has a dpkg that does not),
# systemd-*, ldconfig, ldd, and what is copied into the initramfs (udev, busybox, klibc, cryptsetup,
# sha256sum, ...), which also wants libkmod of whatever architecture it finds: no kmod, no
# dracut-install. The promise "every program in the initramfs is arm64" watches over that.
set -euo pipefail

NOT_TWINNED=' sha256sum '
PROGRAMS_OF="bash coreutils cpio dash debianutils diffutils findutils grep gzip mawk perl-base sed tar zstd"

bind() {
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
}

# bind_libraries ROOT TOOLS: the folders must be there.
bind_libraries() {
  bind "$2/usr/lib/x86_64-linux-gnu" "$1/usr/lib/x86_64-linux-gnu"
  bind "$2/usr/lib64" "$1/usr/lib64"
}

# bind_programs ROOT TOOLS: of packages that are unpacked. dpkg cannot replace a bound file (EBUSY).
bind_programs() {
  local root=$1 tools=$2 package path
  for package in ${PROGRAMS_OF}; do
    # The initramfs packages come later than the essential ones.
    [ -f "${root}/var/lib/dpkg/info/${package}.list" ] || continue
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
}

main() {
  local root=$1 tools=$2
  shift 2
  bind_libraries "${root}" "${tools}"
  bind_programs "${root}" "${tools}"
  exec "$@"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  main "$@"
fi
