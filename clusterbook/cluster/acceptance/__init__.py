"""What people use Kubernetes for, tried on a running cluster: `python -m clusterbook.cluster.acceptance`."""
