#!/bin/bash -e
# The image keeps its promises or there is no image.
"${CLOCK_NODE:-node}" promises.ts "${ROOTFS_DIR}"
