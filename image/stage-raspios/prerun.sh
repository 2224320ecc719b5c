#!/bin/bash -e
# For pi-gen alone: on the root of its stage2, of which little is left (image/release/pigen/plan.ts).
if [ ! -d "${ROOTFS_DIR}" ]; then
  copy_previous
fi
