"""The task that replaces a cluster's certificate authorities, and the key of its service accounts, in stages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from invoke.context import Context

from clusterbook.cli import certs, hosts, places, runs
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP, keep_joining
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.runs import RESULT_HELP, SELECTION_HELP, Order
from clusterbook.cli.screen import print_json_line, say, with_yes
from clusterbook.cli.site import Site, open_site, the_cluster
from clusterbook.cli.validation import findings_of
from clusterbook.cluster import authorities as kept
from clusterbook.cluster import rotation, trust
from clusterbook.cluster.authorities import State
from clusterbook.cluster.certificates import Certificate, reading_command
from clusterbook.cluster.kube import Kubectl
from clusterbook.cluster.kubeconfig import renew_kubeconfig
from clusterbook.compile import Selection
from clusterbook.errors import EXIT_DONE, Failed, InvalidInput, InvalidProject
from clusterbook.report.style import Style

PLAYBOOK = "rotate-ca"
# Until pods find a bundle, nodes are well again.
SECONDS = 300.0
_AGAIN = "Look into it, then run the same command again: it goes on where it stopped."


@dataclass(frozen=True)
class Rotation:
    """What was asked for. workers: so many at a time; token_hours: for so long tokens of pods are good."""

    inventory: str
    cluster: str
    style: Style
    workers: int
    token_hours: float

    def opened(self) -> Site:
        """The site as the store has it now: each stage changes what hosts are told."""
        return open_site(self.inventory, self.cluster, playbook=places.playbook(PLAYBOOK))

    def say(self, words: str) -> None:
        """To people."""
        if not self.style.json:
            print(words)


@command(help={
    **TARGET_HELP, "service-accounts": "also replace the key by which tokens of service accounts are signed",
    "workers-at-a-time": "how many workers at a time (default: 5)",
    "token-hours": "hours that tokens of pods are good for: the old key stays for so long (default: 1)",
    "yes": "really do it", **RESULT_HELP, "verbose": SELECTION_HELP["verbose"],
})  # fmt: skip
def rotate_ca(
    _: Context, inventory: str = "", cluster: str = "", service_accounts: bool = False, workers_at_a_time: int = 5,
    token_hours: float = 1.0, yes: bool = False, json_: bool = False, verbose: bool = False,
) -> int:  # fmt: skip
    """Replace the certificate authorities, in stages in which both are trusted.

    Everybody learns to trust new ones; they sign every certificate anew; then the old ones are trusted nowhere. One
    control plane after another, workers in batches; no request fails. Without --yes it only shows what each host would
    see next. Run again after an error, it goes on where it stopped; when nothing is left to do, it makes another one.

    Example: invoke rotate-ca --inventory lab
    Example: invoke rotate-ca --inventory lab --yes --service-accounts
    """
    if workers_at_a_time < 1 or token_hours < 0:
        raise InvalidInput(f"--workers-at-a-time {workers_at_a_time} --token-hours {token_hours:g}",
                           next_step="Give one worker or more, and no negative time.")  # fmt: skip
    asked = Rotation(inventory, cluster, Style(json=json_, verbose=verbose, plan=not yes), workers_at_a_time,
                     token_hours)  # fmt: skip
    site = asked.opened()
    state = kept.read(the_cluster(site))
    if not yes:
        return _shown(asked, site, state, service_accounts)
    with runs.holding(site, PLAYBOOK):
        _begin(asked, site, state, service_accounts)
        code = _every_stage(asked)
        site = asked.opened()
        return _told(asked, site, kept.read(the_cluster(site)), code)


def _begin(asked: Rotation, site: Site, state: State, accounts: bool) -> None:
    """Make what is new. Refused, before anything is, when the cluster is not well or something else is under way."""
    opened = the_cluster(site)
    sick = [one for one in findings_of(site, open_kubectl(opened)) if not one.healthy]
    if state.under_way:
        for one in sick:
            asked.say(f"not well: {one.what} {one.subject}: {one.detail}")
        return
    kept.refuse_others(opened)
    if sick:
        raise InvalidProject([InvalidInput(f"{one.what} {one.subject}: {one.detail}", next_step=one.next_step)
                              for one in sick])  # fmt: skip
    kept.begin(opened, accounts=accounts)
    asked.say("new authorities are made; now everybody learns to trust them beside the old ones")


def _every_stage(asked: Rotation) -> int:
    code, before = EXIT_DONE, None
    while code == EXIT_DONE:
        site = asked.opened()
        state = kept.read(the_cluster(site))
        if before is not None:
            keep_joining(site, Order(places.playbook(PLAYBOOK), style=asked.style))
        if not state.under_way or (before is not None and state.waits_for_tokens):
            break
        code, before = _stage(asked, site, state), state
    return code


def _stage(asked: Rotation, site: Site, state: State) -> int:
    """Bring the hosts to what the state says, check it, and write down what follows."""
    opened = the_cluster(site)
    if state.waits_for_trust:
        code = _run(asked, site)
        if code == EXIT_DONE:
            _check_trust(asked, site)
            kept.write(opened, state, state.turned())
            asked.say("everybody trusts the new ones; now they sign")
        return code
    since = _since(site) if state.certificates_change else 0
    code = _run(asked, site, since)
    if code != EXIT_DONE:
        return code
    _check_signed(asked, site)
    renew_kubeconfig(opened)
    signs = kept.signs_tokens_since(opened, state, datetime.now(UTC))
    ended = state.ended(tokens=time.time() - signs >= asked.token_hours * 3600)
    if ended == state:
        return code
    asked.say("every certificate is of the new ones; now the old ones go")
    code = _run(asked, site, since, kept.future(opened, ended))
    if code == EXIT_DONE:
        if state.certificates_change:
            _check_forgotten(asked, site)
        kept.write(opened, state, ended)
    return code


def _since(site: Site) -> int:
    """When the new ones began to sign: what is older is made anew."""
    return rotation.begin(site.store, site.name, datetime.now(UTC), rotation.AUTHORITIES)


def _check_trust(asked: Rotation, site: Site) -> None:
    """Failed when a file of a host lacks a new authority, or pods do not find it."""
    opened = the_cluster(site)
    lacking = trust.without(_certificates(site), opened.authorities)
    if lacking:
        raise Failed(f"the new authorities are not trusted yet by {', '.join(lacking)}", next_step=_AGAIN)
    kubectl, bundle = open_kubectl(opened), opened.authorities.trust_bundle()
    _wait(asked, "pods find the new authorities", lambda: trust.unpublished(kubectl, bundle))
    rotation.begin(site.store, site.name, datetime.now(UTC), rotation.TRUSTED)
    if opened.spec.complete["metrics_server"]:
        _restart(kubectl, "metrics-server")
    _wait_until_well(asked, site, kubectl)


def _check_signed(asked: Rotation, site: Site) -> None:
    """Failed when a host shows a certificate of the old authorities."""
    old = trust.of_old_ones(_certificates(site))
    if old:
        raise Failed(f"not signed by the new authorities: {', '.join(old)}", next_step=_AGAIN)
    _wait_until_well(asked, site, open_kubectl(the_cluster(site)))


def _check_forgotten(asked: Rotation, site: Site) -> None:
    """Failed when the API tells somebody to trust the old ones still."""
    kubectl, newest = open_kubectl(the_cluster(site)), the_cluster(site).authorities.newest()
    _wait(asked, "pods and extensions of the API find the new authorities alone",
          lambda: trust.unpublished(kubectl, newest.trust_bundle()) + trust.forget_in_api(kubectl, newest))  # fmt: skip


def _restart(kubectl: Kubectl, name: str) -> None:
    """It reads its authorities once, to ask kubelets, whose certificates have no bridge to the old ones."""
    where = (f"deployment/{name}", "--namespace=kube-system")
    kubectl.run("rollout", "restart", *where)
    kubectl.run("rollout", "status", *where, f"--timeout={SECONDS:.0f}s", seconds=SECONDS + 10)


def _certificates(site: Site) -> list[Certificate]:
    answers = hosts.ask(site.inventory.hosts.values(), reading_command())
    unread = hosts.unread(answers)
    if unread:
        raise Failed(f"not read: {', '.join(f'{host} ({why})' for host, why in unread.items())}", next_step=_AGAIN)
    return certs.every(site, the_cluster(site).authorities, answers)


def _wait_until_well(asked: Rotation, site: Site, kubectl: Kubectl) -> None:
    _wait(asked, "all is well",
          lambda: [f"{one.what} {one.subject}" for one in findings_of(site, kubectl) if not one.healthy])  # fmt: skip


def _wait(asked: Rotation, what: str, left: Callable[[], list[str]]) -> None:
    """Until nothing is left of what was waited for."""
    end = time.monotonic() + SECONDS
    while missing := left():
        if time.monotonic() > end:
            raise Failed(f"{what}: not after {SECONDS:.0f} s: {', '.join(missing[:5])}", next_step=_AGAIN)
        time.sleep(2)
    asked.say(what)


def _shown(asked: Rotation, site: Site, state: State, accounts: bool) -> int:
    """A plan of the next stage, with authorities that nobody keeps."""
    opened = the_cluster(site)
    given = {} if state.under_way else kept.foretold(opened, accounts=accounts)
    since = rotation.under_way(site.store, site.name, rotation.AUTHORITIES) or int(time.time())
    code = _run(asked, site, since if state.certificates_change and not state.waits_for_trust else 0, given)
    asked.say(f"Nothing has been done. To do it: {with_yes('rotate-ca')}")
    return code


def _run(asked: Rotation, site: Site, since: int = 0, given: dict[str, str] | None = None) -> int:
    ahead = {*site.inventory.groups.get("control_plane", ()), *site.inventory.groups.get("etcd", ())}
    chosen = Selection(check=asked.style.plan, extra_variables={
        "certificate_issued_after": since, "hosts_at_a_time": [*([1] * len(ahead)), asked.workers], **(given or {}),
    })  # fmt: skip
    return runs.run(site, Order(places.playbook(PLAYBOOK), chosen, asked.style, locked=not asked.style.plan))


def _told(asked: Rotation, site: Site, state: State, code: int) -> int:
    """What came of it, and which pods were started before new authorities were trusted."""
    since = rotation.under_way(site.store, site.name, rotation.TRUSTED)
    old: list[str] = []
    if code == EXIT_DONE and not state.certificates_change and since is not None:
        old = trust.started_before(open_kubectl(the_cluster(site)), datetime.fromtimestamp(since, UTC))
        kept.forget_times(the_cluster(site))
    waits = state.waits_for_tokens and code == EXIT_DONE
    if asked.style.json:
        print_json_line("rotate-ca", {"done": code == EXIT_DONE and not state.under_way, "waits": waits,
                                      "generation": state.authorities[0], "pods_of_before": old})  # fmt: skip
        return code
    if old:
        print(f"{len(old)} pods were started before: they reach the API by the authority that they know, until they "
              f"are started again ({', '.join(old[:5])}{', …' if len(old) > 5 else ''})")  # fmt: skip
    if waits:
        say("the old key of service accounts is trusted until the tokens that it signed have ended: run it again "
            f"{asked.token_hours:g} h later: invoke rotate-ca --yes")  # fmt: skip
    elif code == EXIT_DONE:
        say("rotated  the old authorities are trusted nowhere; people need new kubeconfigs: invoke kubeconfig")
    return code
