"""Tasks that save what a cluster holds, and bring it back."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from invoke.context import Context

from clusterbook.cli import places, runs, timer
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.clusters import CLUSTER_HELP, chosen
from clusterbook.cli.runs import RESULT_HELP, SELECTION_HELP, Order
from clusterbook.cli.screen import plural, print_json, print_json_line, print_table, say, say_aside, with_yes
from clusterbook.cli.site import Site, open_site, the_cluster
from clusterbook.cli.workplace import workplace
from clusterbook.cluster import backups as saved
from clusterbook.cluster import restores
from clusterbook.cluster.backups import Backup
from clusterbook.cluster.formed import is_now_formed
from clusterbook.cluster.store import Store, cluster_names, open_store
from clusterbook.compile import Selection
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, Failed, InvalidInput
from clusterbook.report.style import Style

AT_HELP = "store of the backups, file:///DIRECTORY or s3://BUCKET/PREFIX (default: the cluster's own)"
STYLE_HELP = {name: SELECTION_HELP[name] for name in ("json", "verbose")}


@command(
    shows=False,  # without --schedule there is nothing that waits for --yes
    help={
        **TARGET_HELP,
        "at": AT_HELP,
        "keep": "how many backups stay; older ones go (default: all stay)",
        "schedule": "take none now, but at these times by a timer of systemd, such as daily or 00/6:00 (systemd.time)",
        "yes": "write the timer of --schedule; without it the units are shown",
        "check": SELECTION_HELP["check"],
        **STYLE_HELP,
        "json": f"{RESULT_HELP['json']}; of --schedule one document",
    },
)
def backup(
    _: Context, inventory: str = "", cluster: str = "", at: str = "", keep: int = 0, schedule: str = "",
    yes: bool = False, check: bool = False, json_: bool = False, verbose: bool = False,
) -> int:  # fmt: skip
    """Save what the cluster holds, encrypted.

    That is a snapshot of etcd, and the keys that open it. The snapshot is checked on the host, again here, and read
    once more after writing. Running workloads do not notice.

    With --schedule it shows a service and a timer of systemd, and writes them with --yes: into /etc/systemd/system as
    root, else into ~/.config/systemd/user. They take the store, its passphrase and credentials from a file of yours of
    mode 0600: /etc/clusterbook/backup-CLUSTER.env, or ~/.config/clusterbook/backup-CLUSTER.env.

    Example: invoke backup --inventory lab
    Example: invoke backup --at s3://my-backups/clusters --keep 14
    Example: invoke backup --at s3://my-backups/clusters --keep 14 --schedule 00/6:00 --yes
    """
    if keep < 0:
        raise InvalidInput(f"--keep is {keep}", next_step="Say how many backups are to stay, 1 or more.")
    if yes and (check or not schedule):
        raise InvalidInput("--yes writes the timer of --schedule, " + ("--check only shows it" if check else
                           "and none is asked for"), next_step="Leave it out.")  # fmt: skip
    if schedule:
        return _on_schedule(schedule, inventory, cluster, at, keep, yes, json_)
    site = open_site(inventory, cluster)
    store, style = store_at(site.store, at), Style(json=json_, verbose=verbose, plan=check)
    taken = take(site, store, style)
    if isinstance(taken, int):
        return taken
    gone = saved.prune(store, site.name, keep) if keep else []
    if json_:
        print_json_line("backup", {**vars(taken), "store": store.address, "removed": gone})
    else:
        print(f"backup   {taken.id}: {about(taken)} in {store.address}")
        print("".join(f"removed  {name}\n" for name in gone), end="")
    return EXIT_DONE


def take(site: Site, store: Store, style: Style) -> Backup | int:
    """A new backup in that store; the exit code where there is none. A plan takes none."""
    opened, now = the_cluster(site), datetime.now(UTC)
    with workplace("backup") as folder:
        snapshot = folder / "snapshot.db"
        given = Selection(check=style.plan, extra_variables={"backup_folder": str(folder)})
        code = runs.run(site, Order(places.playbook("backup"), given, style))
        if code != EXIT_DONE or style.plan:
            return code
        if not snapshot.exists():
            raise Failed("no member of etcd is well, so there is no snapshot",
                         next_step="See what is wrong: invoke validate-cluster")  # fmt: skip
        found = json.loads(Path(f"{snapshot}.json").read_bytes())
        return saved.save(opened, store, _free(store, site.name, now), snapshot, found, now)


@command(help={"cluster": CLUSTER_HELP, "at": AT_HELP, "json": "show the result as JSON"})
def backups(_: Context, cluster: str = "", at: str = "", json_: bool = False) -> int:
    """List the backups of a cluster, oldest first.

    Example: invoke backups
    """
    own = open_store(os.environ)
    store = store_at(own, at)
    name = cluster or chosen(own)
    found = saved.every(store, name)
    if json_:
        print_json([vars(one) for one in found])
    elif found:
        rows = [(one.id, one.taken, one.kubernetes_version, str(one.revision), str(one.keys), _size(one.bytes))
                for one in found]  # fmt: skip
        print_table(("backup", "taken", "kubernetes", "revision", "keys", "size"), rows)
    else:
        say(f"There is no backup of {name} in {store.address}. Take one: invoke backup")
    return EXIT_DONE


@command(positional=["from_"], help={"from": "id of a backup, or latest", **TARGET_HELP, "at": AT_HELP,
                                     "yes": "really do it", **STYLE_HELP})  # fmt: skip
def restore(
    _: Context, from_: str = "latest", inventory: str = "", cluster: str = "", at: str = "", yes: bool = False,
    json_: bool = False, verbose: bool = False,
) -> int:  # fmt: skip
    """Bring a cluster back to a backup, whatever is left of its hosts.

    New hosts of the same names are good, too. Without --yes it only shows what each host would see. The API is away
    meanwhile; running containers go on. Objects that were made after the backup are lost. Run again after an error, it
    goes on where it stopped.

    Example: invoke restore --from latest --inventory lab
    Example: invoke restore --from 20261126-104500 --at s3://my-backups/clusters --yes
    """
    own = open_store(os.environ)
    store = store_at(own, at)
    name = cluster or open_site(inventory).name
    found = saved.find(store, name, from_)
    if name not in cluster_names(own):
        if not yes:
            tell = say_aside if json_ else say
            tell(f"The store {own.address} has no cluster {name}: the backup brings its part of it back first.")
            return EXIT_CHANGES
        saved.bring_back(own, store, found, os.environ)
    site = open_site(inventory, name, playbook=places.playbook("restore"))
    opened = the_cluster(site)
    if yes and saved.bring_keys(opened, store, found):
        site = open_site(inventory, name, playbook=places.playbook("restore"))
    with workplace("restore") as folder:
        snapshot = folder / "snapshot.db"
        with snapshot.open("wb") as file:
            for part in saved.opened(opened, store, found):
                file.write(part)
        now = datetime.now(UTC)
        begun = restores.begun(site.store, site.name, found, now) if yes else restores.new(found, now)
        given = Selection(check=not yes, extra_variables={
            "restore_file": str(snapshot), "restore_token": begun.token, "restore_bump": begun.bump,
        })  # fmt: skip
        style = Style(json=json_, verbose=verbose, plan=not yes)
        code = runs.run(site, Order(places.playbook("restore"), given, style))
    if yes and code == EXIT_DONE:
        is_now_formed(site.store, site.name)
        restores.is_done(site.store, site.name)
        if not json_:
            print(f"restored {found.id}: {about(found)}")
    elif not yes and not json_:
        print(f"Nothing has been done. Backup {found.id}: {about(found)}. To restore it: {with_yes('restore')}")
    return code


def store_at(own: Store, address: str) -> Store:
    """The store of the backups: that of `--at`, else the cluster's own."""
    return open_store(os.environ, address) if address else own


def _on_schedule(calendar: str, inventory: str, cluster: str, at: str, keep: int, yes: bool, as_json: bool) -> int:
    """Have a timer take the backup as this call would, from this folder."""
    timer.check_calendar(calendar)
    site = open_site(inventory, cluster, looking=True)
    store_at(site.store, at)
    if "SUDO_USER" not in os.environ:  # by sudo this process may see root's store, which is not the caller's
        the_cluster(site)
    given = {"--inventory": inventory or places.default_inventory(), "--cluster": cluster, "--at": at,
             "--keep": str(keep or "")}  # fmt: skip
    words = [places.installed_program(), "backup", *(word for option in given.items() if option[1] for word in option)]
    place = timer.place_of(os.environ, os.geteuid() == 0)
    return timer.carry_out(timer.Schedule(site.name, calendar, words, Path.cwd(), place), yes, as_json)


def _free(store: Store, cluster: str, now: datetime) -> str:
    identity = saved.new_id(now)
    if store.names(f"{cluster}/backups/{identity}"):
        raise Failed(f"there is a backup {identity} already", next_step="Run it again.")
    return identity


def about(backup: Backup) -> str:
    """What a backup holds."""
    return f"{plural(backup.keys, 'key')} at revision {backup.revision}, {_size(backup.bytes)}, taken {backup.taken}"


def _size(number: int) -> str:
    return f"{number / 1e6:.1f} MB"
