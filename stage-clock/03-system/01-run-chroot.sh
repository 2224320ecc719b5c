passwd --lock root
usermod --shell /usr/sbin/nologin root
systemctl set-default multi-user.target
systemctl disable systemd-pstore.service 2>/dev/null || true
