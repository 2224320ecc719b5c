#!/bin/bash -e
# An appliance: nobody logs in, logs live in RAM, a hang ends in a restart.
cp -r files/. "${ROOTFS_DIR}/"

# The boot script mounts everything; nothing is left for fstab.
echo '# The boot script mounts the root and the state partition.' >"${ROOTFS_DIR}/etc/fstab"
# systemd takes this for "not set up yet"; the boot script writes the unit's own over it.
echo uninitialized >"${ROOTFS_DIR}/etc/machine-id"
chmod 0444 "${ROOTFS_DIR}/etc/machine-id"
rm -f "${ROOTFS_DIR}/var/lib/dbus/machine-id"

# The floor of a board without a clock chip: systemd sets the clock to this file's time, or to that of
# /var/lib/systemd/timesync/clock if that is later, before anything else starts (systemd(1)).
touch --date="@${SOURCE_DATE_EPOCH:-$(date +%s)}" "${ROOTFS_DIR}/usr/lib/clock-epoch"

# No login anywhere: no terminal asks, no rescue shell opens, no account has a password or a shell.
for unit in getty@.service serial-getty@.service console-getty.service container-getty@.service \
  debug-shell.service autovt@.service getty.target systemd-firstboot.service \
  systemd-homed.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer rescue.service ctrl-alt-del.target dev-hugepages.mount; do
  ln -sf /dev/null "${ROOTFS_DIR}/etc/systemd/system/${unit}"
  rm -f "${ROOTFS_DIR}/etc/systemd/system/"*".wants/${unit}"
done
# No unit is made at a start: fstab is empty, there is no terminal, no swap to resume from, no /etc/init.d. systemd waits 90 s
# for a generator that hangs, and then the whole system stands still ("Failed to start up manager").
rm -rf "${ROOTFS_DIR}/usr/lib/systemd/system-generators"
# The root never changes: nothing to bring up to date at a start (systemd-update-done.service(8)).
touch "${ROOTFS_DIR}/etc/.updated" "${ROOTFS_DIR}/var/.updated"
# Nobody logs in: no program needs more rights than its caller has.
find "${ROOTFS_DIR}/usr" -xdev -type f -perm /6000 -exec chmod a-s {} +
# Each account says on which day its password was changed last: that of the build that made the base root, which later
# builds take from the cache. The same for all; not 0, which asks for another password (shadow(5)).
sed -i -E 's/^(([^:]*:){2})[0-9]+:/\11:/' "${ROOTFS_DIR}/etc/shadow"
