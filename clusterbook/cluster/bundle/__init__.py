"""One file that a cluster is raised from without any network: what goes in, its bill of materials, its bytes."""
