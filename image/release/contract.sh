#!/bin/bash
# The functions that pi-gen gives to a stage's scripts. Sourced by the embedded engine before each
# script; sets no options, they are the script's own.

log() {
  printf '%s\n' "$*"
}

# on_chroot: runs the script on standard input inside the root; arguments are bash's, as in pi-gen.
on_chroot() {
  set -- bash -e "$@"
  local twins=()
  if [ -n "${CLOCK_TWINS:-}" ]; then
    twins=(unshare --mount --propagation private "${CLOCK_RELEASE_DIR}/twins.sh" "${ROOTFS_DIR}" "${CLOCK_TWINS}")
  fi
  "${twins[@]}" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TZ=UTC \
    HOME=/root DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-}" \
    "$(command -v chroot)" "${ROOTFS_DIR}" "$@"
}

copy_previous() {
  echo "copy_previous: the embedded engine runs all stages on one root" >&2
  return 1
}

bootstrap() {
  echo "bootstrap: the embedded engine makes the root with mmdebstrap" >&2
  return 1
}

export -f log on_chroot copy_previous bootstrap
