"""Tasks on applications: deploy one, look at it, scale it, go back, remove it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from invoke.context import Context

from clusterbook.cli import app_options, image_files
from clusterbook.cli.apps_screen import show
from clusterbook.cli.boundary import command
from clusterbook.cli.clusters import CLUSTER_HELP, open_chosen
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.screen import plural, print_json, print_json_line, say, stage, with_yes
from clusterbook.cli.site import the_cluster
from clusterbook.cluster.apps import rules
from clusterbook.cluster.apps.app import KINDS, App, is_ours, selector
from clusterbook.cluster.apps.status import AppStatus, look, on_a_cloud, owned
from clusterbook.cluster.apps.summary import summary
from clusterbook.cluster.kube import Kubectl
from clusterbook.errors import Failed, InvalidInput

NAMESPACE = "default"
EVERY_SECONDS = 0.5
# A problem that is seen for so long is told; one that goes by is not.
PATIENCE_SECONDS = 6.0
APP_HELP = {"name": "name of the application", "namespace": "its namespace (default: default)", "cluster": CLUSTER_HELP,
            "json": "show the result as JSON"}  # fmt: skip
WAIT_HELP = {"timeout": "seconds until it must be ready (default: 300)"}
Done = Callable[[AppStatus], bool]


@command(
    iterable=["env", "secret"],
    help={
        **APP_HELP, **WAIT_HELP, "image": "image to run, such as nginx:1.29; needed without --image-file",
        "replicas": "number of pods (default: 1)",
        "port": "port of its service", "target-port": "port that its pods listen on (default: that of the service)",
        "external": "reachable from outside, through a load balancer of the cloud where there is one",
        "env": "environment variable NAME=VALUE (may be repeated)",
        "secret": "secret environment variable: NAME=@FILE, or NAME to take this shell's (may be repeated)",
        "cpu": "processor time that a pod asks for, such as 250m",
        "memory": "memory that a pod asks for and gets at most, such as 128Mi",
        "probe": "path that answers when a pod may get traffic, or tcp",
        "args": "words for the image's program, quoted as in a shell", **image_files.HELP,
        "json": "show the result as JSON, with --image-file as the last line, after the events of bringing it",
    },
)  # fmt: skip
def deploy_app(
    _: Context, name: str = "", image: str = "", replicas: int = 1, port: int = 80, target_port: int = 0,
    external: bool = False, env: Sequence[str] | None = None, secret: Sequence[str] | None = None,
    cpu: str = "", memory: str = "", probe: str = "", args: str = "", namespace: str = NAMESPACE, timeout: int = 300,
    cluster: str = "", json_: bool = False, image_file: str = "", inventory: str = "",
) -> int:  # fmt: skip
    """Run an application from an image, with a service in front of its pods.

    It waits until all works, or says what keeps it from working.
    Running it again brings it to what is asked for now; pods are replaced one after another.

    Example: invoke deploy-app --name hello --image nginx:1.29 --replicas 2 --external
    Example: invoke deploy-app --name api --image me/api:4 --target-port 8080 --secret PASSWORD=@password.txt
    Example: invoke deploy-app --name page --image-file page.tar
    """
    fields = {
        "name": name, "image": image, "namespace": namespace, "replicas": replicas, "port": port,
        "target_port": target_port, "external": external, "cpu": cpu, "memory": memory, "probe": probe,
    }  # fmt: skip
    app, archive = app_options.application(fields, image_file, env or (), secret or (), args, timeout)
    site = image_files.site_for(archive, inventory, cluster)
    kubectl = open_kubectl(the_cluster(site) if site else open_chosen(cluster)).in_namespace(namespace)
    taken = kubectl.json("get", "deployments.apps,services", f"--field-selector=metadata.name={name}")["items"]
    if not all(is_ours(item) for item in taken):
        raise InvalidInput(f"{name!r} in namespace {namespace} was not made by deploy-app, and is left alone",
                           next_step="Choose another --name or --namespace.")  # fmt: skip
    if archive and site and (code := image_files.bring(site, archive, kubectl, json_)):
        return code
    app.apply(kubectl)
    status = _wait(kubectl, name, timeout, lambda one: one.settled, json_)
    if external and on_a_cloud(kubectl):
        status = _wait(kubectl, name, timeout, lambda one: bool(one.balancer), json_, "waits for its load balancer")
    if json_ and archive:
        print_json_line("app", summary(status))
    elif json_:
        print_json(summary(status))
    else:
        _tell(status, app)
    return 0


@command(positional=["name"], help=APP_HELP)
def app_status(
    _: Context, name: str, namespace: str = NAMESPACE, cluster: str = "", json_: bool = False
) -> int:  # fmt: skip
    """Show an application on one screen: pods, service, events, problems.

    Exit status 1 when it does not work.

    Example: invoke app-status hello
    """
    status = look(_kubectl(name, namespace, cluster), name)
    if json_:
        print_json(summary(status))
    else:
        show(status)
    return 0 if status.settled and not status.problems else 1


@command(positional=["name"], help={**APP_HELP, **WAIT_HELP, "replicas": "number of pods from now on (default: 1)"})
def scale_app(
    _: Context, name: str, replicas: int = 1, namespace: str = NAMESPACE, timeout: int = 300, cluster: str = "",
    json_: bool = False,
) -> None:  # fmt: skip
    """Change the number of an application's pods, and wait.

    Example: invoke scale-app hello --replicas 5
    """
    kubectl = _kubectl(name, namespace, cluster, *rules.replicas(replicas), *rules.seconds(timeout, "--timeout"))
    owned(kubectl, name)
    kubectl.run("scale", f"deployment/{name}", f"--replicas={replicas}")
    _settle(kubectl, name, timeout, json_)


@command(positional=["name"], help={**APP_HELP, **WAIT_HELP, "revision": "its number (default: the one before)"})
def rollback_app(
    _: Context, name: str, revision: int = 0, namespace: str = NAMESPACE, timeout: int = 300, cluster: str = "",
    json_: bool = False,
) -> None:  # fmt: skip
    """Bring an application back to an earlier description.

    It waits until that works; app-status shows the revisions.

    Example: invoke rollback-app hello
    Example: invoke rollback-app hello --revision 3
    """
    kubectl = _kubectl(name, namespace, cluster, *rules.revision(revision), *rules.seconds(timeout, "--timeout"))
    owned(kubectl, name)
    kubectl.run("rollout", "undo", f"deployment/{name}", *([f"--to-revision={revision}"] if revision else []))
    _settle(kubectl, name, timeout, json_)


@command(positional=["name"], help={**APP_HELP, "yes": "do it; without it nothing is deleted"})
def delete_app(
    _: Context, name: str, yes: bool = False, namespace: str = NAMESPACE, cluster: str = "", json_: bool = False
) -> int:
    """Remove an application with all that deploy-app made for it.

    Without --yes it says what would go, and ends with 2.

    Example: invoke delete-app hello
    Example: invoke delete-app hello --yes
    """
    kubectl = _kubectl(name, namespace, cluster)
    owned(kubectl, name)
    chosen = selector(name)
    listed = kubectl.json("get", KINDS, chosen)["items"]
    objects = [f"{item['kind']}/{item['metadata']['name']}" for item in listed]
    if yes:
        with stage("app", sys.stderr if json_ else sys.stdout) as shown:
            kubectl.run("delete", KINDS, chosen, "--wait=true", seconds=300)
            shown.result = f"{name} is gone: {', '.join(objects)}"
    elif not json_:
        print("\n".join(f"Will delete {item}" for item in objects))
        print(f"Nothing has been done. To delete it: {with_yes(f'delete-app {name}')}")
    if json_:
        print_json({"name": name, "deleted": yes, "objects": objects})
    return 0 if yes else 2


def _kubectl(name: str, namespace: str, cluster: str, *problems: InvalidInput) -> Kubectl:
    """For an application's namespace. Raises InvalidInput for these problems, and for names that cannot be."""
    rules.refuse([*rules.name(name), *rules.namespace(namespace), *problems])
    return open_kubectl(open_chosen(cluster)).in_namespace(namespace)


def _settle(kubectl: Kubectl, name: str, seconds: float, as_json: bool) -> None:
    """Wait until all pods are as they are wanted."""
    status = _wait(kubectl, name, seconds, lambda one: one.settled, as_json)
    if as_json:
        print_json(summary(status))


def _wait(
    kubectl: Kubectl, name: str, seconds: float, done: Done, quiet: bool, what: str = ""
) -> AppStatus:  # fmt: skip
    """Look again and again. Raises Failed when it is late, or when a problem does not go by.

    An API that does not answer for a moment (its address moves in 4 s) is such a problem.
    """
    deadline, since, said = time.monotonic() + seconds, 0.0, ""
    with stage("app", sys.stderr if quiet else sys.stdout) as shown:
        while True:
            status, trouble = _looked(kubectl, name)
            if status and done(status):
                shown.result = f"{name}: {_ready(status)}"
                if status.balancer:
                    shown.result += f", {status.balancer}"
                return status
            since = (since or time.monotonic()) if trouble else 0.0
            if trouble and time.monotonic() - since > PATIENCE_SECONDS:
                raise trouble
            if status and time.monotonic() > deadline:
                late = f"after {seconds:g} s {status.ready} of {plural(status.wanted, 'pod')} are ready {what}".strip()
                raise Failed(f"{name}: {late}", next_step=f"Look at it with: invoke app-status {name}")
            if status and (shown.live or said != _ready(status)):
                said = _ready(status)
                shown.say(f"{name}: {what or said}")
            time.sleep(EVERY_SECONDS)


def _looked(kubectl: Kubectl, name: str) -> tuple[AppStatus | None, Failed | None]:
    """One look, and what keeps the application from working, or the look from telling."""
    try:
        status = look(kubectl, name)
    except Failed as error:
        return None, error
    return status, _failed(name, status) if status.problems else None


def _ready(status: AppStatus) -> str:
    return f"{status.ready} of {plural(status.wanted, 'pod')} ready"


def _failed(name: str, status: AppStatus) -> Failed:
    return Failed(
        f"{name} does not come up: {'; '.join(status.problems)}",
        next_step=f"Correct it and run deploy-app again, or go back with: invoke rollback-app {name}",
    )


def _tell(status: AppStatus, app: App) -> None:
    port = "" if app.port == 80 else f":{app.port}"
    inside = f"http://{app.name}.{app.namespace}.svc{port}/"
    if status.balancer:
        print(f"It answers at http://{status.balancer}{port}/ (its name may take some minutes to be known).")
    elif app.external:
        node_port = status.service["spec"]["ports"][0].get("nodePort")
        print(f"No cloud makes load balancers here; it answers at port {node_port} of each node, inside at {inside}")
    else:
        print(f"It answers inside the cluster at {inside}")
    say(f"  invoke app-status {app.name}")
