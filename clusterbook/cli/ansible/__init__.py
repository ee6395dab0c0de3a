"""`clusterbook-playbook`: ansible-playbook's command line over the same load -> compile -> execute -> report."""
