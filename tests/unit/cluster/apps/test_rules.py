"""What Kubernetes takes, what is refused, and what is said then."""

from __future__ import annotations

import pytest

from clusterbook.cluster.apps import rules
from clusterbook.errors import InvalidInput, InvalidProject

DIGEST = "a" * 64


@pytest.mark.parametrize("value", ["a", "hello", "my-app-2", "x" * 63])
def test_names_that_services_may_have_are_taken(value: str) -> None:
    assert list(rules.name(value)) == []


@pytest.mark.parametrize(("value", "near"), [
    ("", "hello"), ("Hello", "hello"), ("1st", "st"), ("my_app", "my-app"), ("app-", "app"), ("-", "hello"),
    ("a.b", "a-b"), ("x" * 64, "x" * 63), ("hello\n", "hello"), ("é", "hello"), ("²", "hello"),
])  # fmt: skip
def test_other_names_are_refused_with_one_that_is_near(value: str, near: str) -> None:
    (problem,) = rules.name(value)
    assert repr(value) in problem.message and problem.next_step == f"Call it such as {near}."
    assert list(rules.name(near)) == []


@pytest.mark.parametrize(("value", "right"), [
    ("default", True), ("kube-system", True), ("2nd", True), ("x" * 63, True), ("", False), ("Shop", False),
    ("a.b", False), ("-a", False), ("a-", False), ("x" * 64, False), ("a_b", False), ("--all", False),
])  # fmt: skip
def test_a_namespace_is_a_label(value: str, right: bool) -> None:
    assert (list(rules.namespace(value)) == []) == right


@pytest.mark.parametrize("value", [
    "nginx", "nginx:1.29", "me/api:4", "library/a__b", "a-b--c/d.e_f", f"nginx@sha256:{DIGEST}",
    f"registry.example.org:5000/a/b:v1.2-rc_3@sha256:{DIGEST}", "localhost/x", "Registry.Example.org/x",
    "[::1]:5000/x:1", "123456789012.dkr.ecr.us-east-2.amazonaws.com/page:1", "x:" + "t" * 128, "a/" * 127 + "abc",
])  # fmt: skip
def test_references_of_images_are_taken(value: str) -> None:
    assert list(rules.image(value)) == []


@pytest.mark.parametrize("value", [
    "", "a b", "Nginx", "me/API:4", "nginx:", "nginx:-1", "nginx@", "nginx@sha256:abc", f"nginx@sha256:{'a' * 63}",
    "/x", "x/", "a//b", "a..b", "a___b", "http://example.org/x", "x:" + "t" * 129, "a/" * 128 + "abc", DIGEST,
    "nginx\n", "-nginx", "nginx:1:2", "ünginx", "nginx:é", f"nginx@sha512:{DIGEST}",
])  # fmt: skip
def test_what_no_kubelet_could_pull_is_refused(value: str) -> None:
    (problem,) = rules.image(value)
    assert f"--image is {value!r}, expected" in problem.message and problem.next_step


@pytest.mark.parametrize("value", ["250m", "2", "0.5", ".5", "1.", "1e3", "1E-1", "+1", "100u", "5n", "0", "1k"])
def test_quantities_of_processors_are_taken(value: str) -> None:
    assert list(rules.cpu(value)) == []


@pytest.mark.parametrize("value", [
    "much", "-1", "1 000", "1mi", "250 m", "1.2.3", "1K", "m", "1e", "٣", "1e99999", "1\n",
])  # fmt: skip
def test_what_is_no_quantity_is_refused(value: str) -> None:
    (problem,) = rules.cpu(value)
    assert f"--cpu is {value!r}, expected" in problem.message and "250m" in problem.next_step


@pytest.mark.parametrize("value", [
    "128Mi", "1Gi", "1.5Gi", "128974848", "129e6", "129M", "1k", "1Ei", "1E", "1000m", "1e60",
])  # fmt: skip
def test_quantities_of_whole_bytes_are_taken(value: str) -> None:
    assert list(rules.memory(value)) == []


def test_memory_in_thousandths_of_bytes_is_refused_with_what_was_meant() -> None:
    (problem,) = rules.memory("128m")
    assert problem.message == "--memory is '128m', expected whole bytes; m behind a number is a thousandth"
    assert problem.next_step == "Write it such as --memory 128Mi."
    for wrong in ("1 GB", "1GB", "128mb", "-1Gi", "0.5", "Gi"):
        assert len(list(rules.memory(wrong))) == 1


@pytest.mark.parametrize(("value", "near"), [
    ("", "NAME"), ("1A", "A"), ("A B", "A_B"), ("A=B", "A_B"), ("..", "NAME"), (".", "NAME"), ("..A", "A"),
    ("é", "NAME"),
])  # fmt: skip
def test_a_variable_is_named_as_every_release_takes_it(value: str, near: str) -> None:
    (problem,) = rules.variable(value, "--env")
    assert f"--env: {value!r} is no name" in problem.message and problem.next_step == f"Call it such as {near}."
    for right in ("A", "_a1", "spring.config.name", "MY-NAME", ".hidden"):
        assert list(rules.variable(right, "--env")) == []


@pytest.mark.parametrize("value", ["tcp", "/", "/healthz", "/ready?full=1&for=all", "/a%20b"])
def test_paths_of_probes_are_taken(value: str) -> None:
    assert list(rules.probe(value)) == []


@pytest.mark.parametrize(("value", "near"), [
    ("healthz", "/healthz"), ("http://hello:8080/ready", "/ready"), ("/a b", "/healthz"), ("/a#b", "/healthz"),
    ("TCP", "/healthz"), ("/é", "/healthz"),
])  # fmt: skip
def test_what_is_no_path_is_refused(value: str, near: str) -> None:
    (problem,) = rules.probe(value)
    assert problem.next_step == f"Write it such as --probe {near}."


def test_numbers_have_their_bounds() -> None:
    assert [len(list(rules.port(number, "--port"))) for number in (-1, 0, 1, 65535, 65536)] == [1, 1, 0, 0, 1]
    assert [len(list(rules.replicas(number))) for number in (-1, 0, 1000, 1001)] == [1, 0, 0, 1]
    assert [len(list(rules.seconds(number, "--timeout"))) for number in (-1, 0, 1)] == [1, 1, 0]
    assert [len(list(rules.revision(number))) for number in (-1, 0, 1)] == [1, 0, 0]


def test_one_problem_is_raised_as_it_is_and_several_together() -> None:
    one, other = InvalidInput("one"), InvalidInput("other")
    rules.refuse([])
    with pytest.raises(InvalidInput) as caught:
        rules.refuse([one])
    assert caught.value is one
    with pytest.raises(InvalidProject) as several:
        rules.refuse([one, other])
    assert several.value.problems == (one, other)
