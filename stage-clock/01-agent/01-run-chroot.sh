systemd-sysusers /usr/lib/sysusers.d/clock.conf
systemctl enable clock-agent.socket clock-agent.service
