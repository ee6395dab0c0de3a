"""Deletes everything of a cluster: what we made, and what Kubernetes' controllers made beside it."""

from __future__ import annotations

from collections.abc import Mapping

from clusterbook.cloud import apply, foreign, graph, plan
from clusterbook.cloud.apply import Say
from clusterbook.cloud.aws import NOT_YET, RESOURCE_SECONDS, Cloud, CloudError
from clusterbook.cloud.model import Found
from clusterbook.cloud.state import StateFile

MACHINES = ("AutoScalingGroup", "Instance")
# Of what controllers made: balancers hold their groups, and all hold security groups.
ORDER = ("LoadBalancer", foreign.CLASSIC, "TargetGroup", "Volume", "SecurityGroup")


def delete_all(cloud: Cloud, state: StateFile, say: Say) -> graph.Outcome:
    """Machines first, so that no controller makes anew what is deleted; then the controllers' things; then the rest."""
    ours = plan.survey(cloud)
    machines = {key: item for key, item in ours.items() if item.kind in MACHINES}
    outcome = apply.remove(cloud, machines, state, say)
    if outcome.failed:
        return outcome
    outcome = joined(outcome, _delete_others(cloud, say))
    rest = {key: item for key, item in ours.items() if key not in machines}
    last = apply.remove(cloud, rest, state, say)
    _name_blockers(cloud, rest, last)
    return joined(outcome, last)


def joined(one: graph.Outcome, other: graph.Outcome) -> graph.Outcome:
    """What became of both."""
    return graph.Outcome([*one.done, *other.done], {**one.failed, **other.failed}, [*one.untried, *other.untried])


def _delete_others(cloud: Cloud, say: Say) -> graph.Outcome:
    others = {f"{item.kind}/{item.id}": item for item in foreign.survey(cloud)}

    def drop(key: str) -> None:
        foreign.delete(cloud.within(RESOURCE_SECONDS), others[key])
        say("deleted", others[key].key, others[key].id)

    def before(item: Found) -> frozenset[str]:
        return frozenset(key for key, other in others.items() if ORDER.index(other.kind) < ORDER.index(item.kind))

    outcome = graph.run({key: before(item) for key, item in others.items()}, drop)
    _name_blockers(cloud, others, outcome)
    return outcome


def _name_blockers(cloud: Cloud, resources: Mapping[str, Found], outcome: graph.Outcome) -> None:
    """Put who still uses a resource into the error of its deletion."""
    for key, error in outcome.failed.items():
        in_use = isinstance(error, CloudError) and error.code in NOT_YET
        who = foreign.blockers(cloud, resources[key]) if in_use else ""
        if who:
            error.next_step = f"It is in use by {who}. Delete that, then run the same command again."
