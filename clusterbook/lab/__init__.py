"""Real hosts on this machine: network namespaces, systemd containers, a package cache and a mirror."""
