"""What Kubernetes takes for each field of an application, by the rule that its docstring names.

Each rule gives its problems, so that all of an application are told together, before a cluster is asked. Kubernetes
itself would take some of what is refused here, such as a wrong image, and pods would then wait without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from clusterbook.errors import InvalidInput, InvalidProject

Problems = Iterator[InvalidInput]
MOST_REPLICAS = 1000
LONGEST_LABEL = 63
LONGEST_IMAGE_PATH = 255
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_VARIABLE = re.compile(r"(?!\.\.)(?!\.$)[A-Za-z_.-][A-Za-z0-9_.-]*")
_SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    **{name: Decimal(1000) ** power for power, name in enumerate("kMGTPE", 1)},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", 1)},
}  # fmt: skip
_QUANTITY = re.compile(
    r"(?P<number>[+-]?([0-9]+\.?[0-9]*|\.[0-9]+))((?P<exponent>[eE][+-]?[0-9]{1,3})|(?P<suffix>[A-Za-z]*))", re.ASCII
)
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")

_PART = r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"({_PART}(\.{_PART})*|\[[a-fA-F0-9:]+\])(:[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(([_.]|__|-+)[a-z0-9]+)*"
_ALGORITHM = r"[A-Za-z][A-Za-z0-9]*([-_+.][A-Za-z][A-Za-z0-9]*)*"
_IMAGE = re.compile(
    rf"({_DOMAIN}/)?(?P<path>{_COMPONENT}(/{_COMPONENT})*)(:\w[\w.-]{{0,127}})?"
    rf"(@(?P<algorithm>{_ALGORITHM}):(?P<hex>[0-9a-fA-F]{{32,}}))?", re.ASCII,
)  # fmt: skip
_HEX_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}


def refuse(problems: Sequence[InvalidInput]) -> None:
    """Raise them: one as it is, several together."""
    if problems:
        raise problems[0] if len(problems) == 1 else InvalidProject(problems)


def name(value: str) -> Problems:
    """A label of RFC 1035, as names of Services are; those of the other objects may be that, too.

    Kubernetes: concepts/overview/working-with-objects/names, "RFC 1035 Label Names".
    """
    if not (_LABEL.fullmatch(value) and value[0].isalpha() and len(value) <= LONGEST_LABEL):
        yield InvalidInput(
            f"{value!r} is no name of an application, expected at most {LONGEST_LABEL} of lower case letters, digits "
            "and -, beginning with a letter and not ending with -",
            next_step=f"Call it such as {_as_label(value, 'hello')}.",
        )


def namespace(value: str) -> Problems:
    """A label of RFC 1123. Kubernetes: concepts/overview/working-with-objects/names, "RFC 1123 Label Names"."""
    if not (_LABEL.fullmatch(value) and len(value) <= LONGEST_LABEL):
        yield InvalidInput(
            f"--namespace is {value!r}, expected at most {LONGEST_LABEL} of lower case letters, digits and -, "
            "beginning and ending with a letter or a digit",
            next_step=f"Name one that is there, such as --namespace {_as_label(value, 'default')}.",
        )


def image(value: str) -> Problems:
    """NAME[:TAG][@DIGEST] by the grammar of the distribution project (its package `reference`).

    Kubernetes takes any text; a kubelet then says InvalidImageName for as long as the pod is there.
    """
    found = _IMAGE.fullmatch(value)
    if not found or len(found["path"]) > LONGEST_IMAGE_PATH or re.fullmatch("[a-f0-9]{64}", value):
        yield InvalidInput(f"--image is {value!r}, expected NAME, NAME:TAG or NAME@DIGEST, the name in lower case",
                           next_step="Name one, such as --image nginx:1.29.")  # fmt: skip
    elif found["hex"] and len(found["hex"]) != _HEX_DIGITS.get(found["algorithm"], len(found["hex"])):
        yield InvalidInput(
            f"--image is {value!r}, expected {_HEX_DIGITS[found['algorithm']]} digits behind {found['algorithm']}:, "
            f"not {len(found['hex'])}",
            next_step="Copy the whole digest, or name a tag.",
        )


def cpu(value: str) -> Problems:
    """A quantity that is not negative. Kubernetes: reference/kubernetes-api/common-definitions/quantity."""
    amount = _amount(value)
    if amount is None or amount < 0:
        yield InvalidInput(f"--cpu is {value!r}, expected processors such as 2 or 0.5, or thousandths with m",
                           next_step="Write it such as --cpu 250m.")  # fmt: skip


def memory(value: str) -> Problems:
    """A quantity of whole bytes. Kubernetes: reference/kubernetes-api/common-definitions/quantity.

    It takes 128m, too, which is an eighth of a byte, and warns; no program starts with that.
    """
    amount = _amount(value)
    if amount is None or amount < 0:
        yield InvalidInput(f"--memory is {value!r}, expected a number of bytes with k, M, G, Ki, Mi or Gi behind it",
                           next_step="Write it such as --memory 128Mi.")  # fmt: skip
    elif amount != amount.to_integral_value():
        wanted = f"--memory {value[:-1]}Mi" if value.endswith("m") else "--memory 128Mi"
        yield InvalidInput(f"--memory is {value!r}, expected whole bytes; m behind a number is a thousandth",
                           next_step=f"Write it such as {wanted}.")  # fmt: skip


def variable(value: str, option: str) -> Problems:
    """Name of an environment variable, which every supported release takes and which may be a key of a Secret.

    Kubernetes: API reference of EnvVar before 1.34, and of Secret's `data`.
    """
    if not _VARIABLE.fullmatch(value):
        yield InvalidInput(
            f"{option}: {value!r} is no name of an environment variable, expected letters, digits, _, - and ., "
            "not beginning with a digit or two dots",
            next_step=f"Call it such as {re.sub('[^A-Z0-9]+', '_', value.upper()).strip('_0123456789') or 'NAME'}.",
        )


def port(value: int, option: str) -> Problems:
    """1 to 65535. Kubernetes: API reference of ServicePort and ContainerPort."""
    if not 0 < value < 65536:
        yield InvalidInput(f"{option} is {value}, expected 1 to 65535", next_step=f"Name one, such as {option} 8080.")


def replicas(value: int) -> Problems:
    """A number that is not negative (Kubernetes: API reference of DeploymentSpec), and no slip of the keyboard."""
    if not 0 <= value <= MOST_REPLICAS:
        yield InvalidInput(f"--replicas is {value}, expected 0 to {MOST_REPLICAS} pods",
                           next_step="Write it such as --replicas 2.")  # fmt: skip


def probe(value: str) -> Problems:
    """tcp, or a path with a query as RFC 3986 writes it (Kubernetes: API reference of HTTPGetAction)."""
    if value != "tcp" and not _PATH.fullmatch(value):
        after_host = re.match(r"[a-z]+://[^/]*(/\S*)", value)
        path = after_host[1] if after_host else "/healthz"
        yield InvalidInput(f"--probe is {value!r}, expected a path that begins with / and has no blanks, or tcp",
                           next_step=f"Write it such as --probe {path}.")  # fmt: skip


def seconds(value: int, option: str) -> Problems:
    """Some time to wait."""
    if value < 1:
        yield InvalidInput(f"{option} is {value}, expected 1 second or more", next_step=f"Say how long: {option} 300.")


def revision(value: int) -> Problems:
    """Counted from 1 by Kubernetes; 0 is the one before."""
    if value < 0:
        yield InvalidInput(f"--revision is {value}, expected 1 or more",
                           next_step="app-status shows which there are; without it, it is the one before.")  # fmt: skip


def _amount(text: str) -> Decimal | None:
    """How much a quantity is; None for what is none."""
    found = _QUANTITY.fullmatch(text)
    if not found or (found["suffix"] or "") not in _SUFFIXES or len(text) > LONGEST_LABEL:
        return None
    return Decimal(found["number"] + (found["exponent"] or "")) * _SUFFIXES[found["suffix"] or ""]


def _as_label(text: str, otherwise: str) -> str:
    """The nearest label to a text."""
    near = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-0123456789")[:LONGEST_LABEL].strip("-")
    return near or otherwise
