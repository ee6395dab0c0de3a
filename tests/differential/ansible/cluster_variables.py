"""Prints an inventory of a cluster's variables, secrets included, as JSON, for the oracle, ansible-playbook.

Usage: cluster_variables.py INVENTORY, as for `invoke provision`: the cluster is made in the store where there is none.
"""

import json
import sys

from clusterbook.cli.site import open_site
from clusterbook.language.values import Secret


def main() -> None:
    """Opens the cluster and prints what each host's variables start from."""
    given = open_site(sys.argv[1], make=True).variables
    assert given is not None
    values = {name: given.resolve(name) if isinstance(value, Secret) else value for name, value in given.plain.items()}
    sys.stdout.write(json.dumps({"all": {"vars": values}}, indent=1))


if __name__ == "__main__":
    main()
