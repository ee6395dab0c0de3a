"""Which dashboards there are, and where a cluster's is."""

from __future__ import annotations

import pytest

from clusterbook.cluster.dashboard import PROVIDERS, check_provider, forward_arguments
from clusterbook.errors import InvalidInput


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_dashboard_that_is_looked_after_is_taken(name: str) -> None:
    assert check_provider(name) == name


def test_the_retired_one_is_refused_by_name_with_the_reason_and_the_choice() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_provider("kubernetes-dashboard")
    assert caught.value.message == (
        "kubernetes-dashboard was archived by its project in January 2026 and gets no more security fixes"
    )
    assert caught.value.next_step == "Choose --provider headlamp or kube-web-view; headlamp is its successor."


def test_an_unknown_one_is_refused_with_the_choice() -> None:
    with pytest.raises(InvalidInput, match="there is no dashboard 'octant'") as caught:
        check_provider("octant")
    assert caught.value.next_step == "Choose --provider headlamp or kube-web-view."


def test_it_opens_on_this_machine_alone() -> None:
    assert "--address=127.0.0.1" in forward_arguments(8001)
