#!/bin/bash -e
# The boot script and what goes into the initramfs.
cp -r files/. "${ROOTFS_DIR}/"
