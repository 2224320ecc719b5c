#!/bin/bash -e
# The embedded engine hands over a root that mmdebstrap made; pi-gen makes its own here.
if [ ! -d "${ROOTFS_DIR}" ]; then
  bootstrap "${RELEASE}" "${ROOTFS_DIR}" "${CLOCK_MIRROR:?set CLOCK_MIRROR to the mirror pi-gen shall use}"
fi
