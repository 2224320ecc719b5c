#!/bin/bash -e
# Ethernet by DHCP, names by mDNS, a firewall. No Wi-Fi, no Bluetooth, no fixed address.
cp -r files/. "${ROOTFS_DIR}/"
ln -sf ../run/systemd/resolve/stub-resolv.conf "${ROOTFS_DIR}/etc/resolv.conf"
# The boot script writes the real name; this one stands only where it did not run.
echo clockrpi >"${ROOTFS_DIR}/etc/hostname"
