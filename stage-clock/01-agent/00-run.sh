#!/bin/bash -e
# The agent, its runtime and its units. CLOCK_INPUTS holds what the builder made: agent.js, launch.js, the
# arm64 "node", its prebuilds/ (serial ports), release.json, release.pub.

install -d "${ROOTFS_DIR}/usr/lib/clock" "${ROOTFS_DIR}/usr/share/clock"
install -m 0755 "${CLOCK_INPUTS:?}/node" "${ROOTFS_DIR}/usr/lib/clock/node"
# Where the runtime looks for it: beside itself, for bundles that come later too.
install -d "${ROOTFS_DIR}/usr/lib/clock/prebuilds/linux-arm64"
install -m 0644 "${CLOCK_INPUTS}/prebuilds/linux-arm64/"*.node "${ROOTFS_DIR}/usr/lib/clock/prebuilds/linux-arm64/"
install -m 0644 "${CLOCK_INPUTS}/agent.js" "${ROOTFS_DIR}/usr/lib/clock/agent.js"
install -m 0644 "${CLOCK_INPUTS}/launch.js" "${ROOTFS_DIR}/usr/lib/clock/launch.js"
install -m 0644 "${CLOCK_INPUTS}/release.pub" "${ROOTFS_DIR}/usr/share/clock/release.pub"
install -m 0644 "${CLOCK_INPUTS}/release.json" "${ROOTFS_DIR}/usr/share/clock/release.json"
cp -r files/. "${ROOTFS_DIR}/"
