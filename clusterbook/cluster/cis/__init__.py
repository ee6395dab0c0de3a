"""The CIS Kubernetes benchmark: its controls as data, and how a host is judged by one."""
