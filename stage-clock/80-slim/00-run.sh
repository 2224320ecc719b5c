#!/bin/bash -e
# Takes out what dpkg's rules keep from being unpacked, where it was unpacked before there were rules: by the
# bootstrap of either engine, and by all of Raspberry Pi OS. Documents, and modules of hardware that is not there.
rules=etc/dpkg/dpkg.cfg.d/clock
install -D -m 0644 "files/${rules}" "${ROOTFS_DIR}/${rules}"
excluded=() included=()
while IFS='=' read -r kind pattern; do
  case "${kind}" in
    path-exclude) excluded+=(-o -path ".${pattern}") ;;
    path-include) included+=(! -path ".${pattern}") ;;
  esac
done <"files/${rules}"
cd "${ROOTFS_DIR}"
find ./usr/share ./usr/lib/modules \( "${excluded[@]:1}" \) "${included[@]}" ! -type d -delete
# Folders that held nothing else; dpkg makes none of them.
find ./usr/share/doc ./usr/share/man ./usr/share/info ./usr/share/locale ./usr/share/lintian ./usr/lib/modules \
  -mindepth 1 -type d -empty -delete
