"""clusterbook: a declarative playbook runner that raises and keeps Kubernetes clusters on hosts with SSH."""

__version__ = "0.1.0"
