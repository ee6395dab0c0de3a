"""Facts of a host by Ansible's names, from cheap reads of /proc, /sys and /etc."""
