#!/bin/bash
# Hooks of mmdebstrap for the base root: the essential packages, with twins (twins.sh) as early as can be.
#
#   base.sh extract ROOT      unpacks the essential packages, then sets them up
#   base.sh customize ROOT    takes away what this left in the root
#
# CLOCK_TWINS is the folder with the suite's amd64 programs; empty: everything emulated, in the same
# order. Runs in the mount namespace that root.ts gives mmdebstrap: after a stop its mounts are gone with it.
#
# mmdebstrap unpacks and sets up in one call of dpkg. Programs can be bound only between the two, hence
# here; its own call then finds the same versions installed and passes over them. PATH begins with
# twinsPath (tools.ts), also where apt calls dpkg: where there are twins, every "dpkg" in the root is the
# native one.
set -euo pipefail
# shellcheck source=image/release/twins.sh
. "$(dirname "${BASH_SOURCE[0]}")/twins.sh"

SKIP=etc/dpkg/dpkg.cfg.d/clock-same-version
APT_PATH=etc/apt/apt.conf.d/clock-path

in_root() {
  env --unset=APT_CONFIG --unset=TMPDIR --unset=CLOCK_TWINS chroot "$@"
}

extract() {
  local root=$1 essential
  read -r -a essential <<<"${MMDEBSTRAP_ESSENTIAL}"
  if [ -n "${CLOCK_TWINS:-}" ]; then
    mkdir "${root}/usr/lib/x86_64-linux-gnu" "${root}/usr/lib64"
    ln --symbolic usr/lib64 "${root}/lib64"
    bind_libraries "${root}" "${CLOCK_TWINS}"
    # apt sets PATH anew for dpkg and all scripts: programs of later packages are native as well.
    echo "DPkg::Path \"${PATH%%:*}:/usr/sbin:/usr/bin:/sbin:/bin\";" >"${root}/${APT_PATH}"
  fi
  # Dependencies are not in order yet: all of them come at once.
  in_root "${root}" dpkg --unpack --force-depends "${essential[@]}"
  if [ -n "${CLOCK_TWINS:-}" ]; then
    bind_programs "${root}" "${CLOCK_TWINS}"
  fi
  in_root "${root}" dpkg --configure --force-depends --pending
  echo skip-same-version >"${root}/${SKIP}"
}

customize() {
  local root=$1 mounts
  rm "${root}/${SKIP}"
  [ -n "${CLOCK_TWINS:-}" ] || return 0
  mapfile -t mounts < <(cut --delimiter ' ' --fields 2 /proc/self/mounts | grep "^${root}/usr/" | tac)
  umount "${mounts[@]}"
  rm "${root}/lib64" "${root}/${APT_PATH}"
  rmdir "${root}/usr/lib64" "${root}/usr/lib/x86_64-linux-gnu"
}

case "$1" in
  extract | customize) "$@" ;;
  *) exit 2 ;;
esac
