#!/bin/bash -e
# Takes out what stage0 brings along and no unit uses: kernel headers with their compiler, 32-bit packages.
mapfile -t headers < <(dpkg-query --show --showformat '${Package}\n' 'linux-headers-*' 2>/dev/null)
if [ "${#headers[@]}" -gt 0 ]; then
  apt-get purge --yes --auto-remove "${headers[@]}"
fi
if dpkg --print-foreign-architectures | grep --quiet --line-regexp armhf; then
  dpkg --remove-architecture armhf
fi
# A proxy of the machine that built it, which only pi-gen's export stage would remove
rm --force /etc/apt/apt.conf.d/51cache
