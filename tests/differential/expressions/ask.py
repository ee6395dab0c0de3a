"""Run by the Python of the oracle: evaluates expressions (JSON in, JSON out) as ansible-core does in a playbook."""

import json
import sys

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template


def main(folder):
    """folder: where files and templates are."""
    init_plugin_loader()
    loader = DataLoader()
    loader.set_basedir(folder)
    found = []
    for group in json.load(sys.stdin):
        known = {**trusted(group["vars"]), "playbook_dir": folder, "ansible_search_path": [folder]}
        found += [evaluated(loader, known, text) for text in group["texts"]]
    json.dump(found, sys.stdout)


def trusted(value):
    """As a person wrote it in a file."""
    if isinstance(value, dict):
        return {trusted(key): trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def evaluated(loader, known, text):
    """{gives} or {fails}."""
    try:
        value = Templar(loader=loader, variables=known).template(trust_as_template(text))
        return {"gives": json.loads(json.dumps(value, default=str))}
    except Exception as error:
        return {"fails": str(error)[:200]}


if __name__ == "__main__":
    main(sys.argv[1])
