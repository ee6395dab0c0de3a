"""Prints an inventory of a cluster's variables, secrets included, as JSON, for the oracle, ansible-playbook.

Usage: cluster_variables.py CLUSTER [SUPPLIED.yml] with CLUSTERBOOK_STATE_STORE set. SUPPLIED: artifacts and images.
"""

import json
import os
import sys
from pathlib import Path

import yaml

from clusterbook.cluster.cluster import open_cluster
from clusterbook.cluster.store import open_store
from clusterbook.cluster.variables import cluster_variables
from clusterbook.language.values import Secret


def main() -> None:
    """Opens the cluster and prints what each host's variables start from."""
    cluster = open_cluster(open_store(os.environ), sys.argv[1], os.environ)
    supplied = yaml.safe_load(Path(sys.argv[2]).read_text()) if len(sys.argv) > 2 else {}
    given = cluster_variables(cluster, supplied)
    values = {name: given.resolve(name) if isinstance(value, Secret) else value for name, value in given.plain.items()}
    sys.stdout.write(json.dumps({"all": {"vars": values}}, indent=1))


if __name__ == "__main__":
    main()
