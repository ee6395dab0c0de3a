"""The lab's small EC2 on the command line."""

from __future__ import annotations

import sys

from clusterbook.cli.artifacts import reporter
from clusterbook.cli.screen import plural, print_json, say, stage
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.events import silent
from clusterbook.cluster.artifacts.publish import COMPONENTS, IMAGES, ON_AWS, TEST_IMAGES
from clusterbook.lab import mirror, requirements
from clusterbook.lab.ec2 import lifecycle
from clusterbook.lab.mirror_servers import of_lab

# Made here, as the one that is the default is not.
DASHBOARD = "kube-web-view"


def bring_up(network: str, export: bool, as_json: bool) -> None:
    """Start the lab's AWS and mirror, and say how to talk to them. network: '' for the default."""
    quiet = export or as_json
    spec = lifecycle.spec_of(network or lifecycle.NETWORK)
    output = sys.stderr if quiet else sys.stdout
    requirements.check_root()
    with stage("lab", output) as shown:
        requirements.install(shown.say)
        changes = lifecycle.up(spec, shown.say)
        shown.result = f"a small EC2 on {spec.network}{'' if changes else ' (as it was)'}"
    with stage("images", output) as shown:
        settings = supplies.default(silent if quiet else reporter(shown))
        images = (*IMAGES, *TEST_IMAGES, DASHBOARD)
        found = mirror.up(of_lab(spec), settings, (*COMPONENTS, *ON_AWS), images)
        counts = (plural(len(found["images"]), "image"), plural(len(found["artifacts"]), "file"))
        shown.result = f"{', '.join(counts)} in the mirror"
    if as_json:
        print_json({
            "lab": spec.name, "network": spec.network, "changes": changes,
            "environment": lifecycle.environment(spec), "variables": str(lifecycle.variables_file(spec)),
        })  # fmt: skip
        return
    print(lifecycle.shell_lines(spec))
    if not export:
        say("# The lines above make clusterbook talk to the lab instead of AWS: eval $(invoke lab-up --ec2 --export)")
        say("# invoke create-cluster demo --zones us-east-2a,us-east-2b,us-east-2c")
        say("# invoke update-cluster demo --yes")
        say(f"# invoke provision --inventory aws --extra-vars @{lifecycle.variables_file(spec)}")
        say("# invoke lab-down --name ec2")
