systemctl enable systemd-networkd.service systemd-resolved.service systemd-timesyncd.service nftables.service
systemctl disable systemd-networkd-wait-online.service
