"""Which variables of other hosts a play reads."""

from __future__ import annotations

import pytest

from clusterbook.compile.hostvars import other_host_names
from clusterbook.language.program import EVERY_NAME

EVERY = {EVERY_NAME}


@pytest.mark.parametrize(("text", "names"), [
    ("hostvars[host].address", {"address"}),
    ("hostvars['b']['address']", {"address"}),
    ('hostvars.b["address"]', {"address"}),
    ("hostvars.b.get('address', 1)", {"address"}),
    ("hostvars[groups['web'][0]].address", {"address"}),
    ("hostvars[groups['web'] | first]['address'] ~ hostvars[x[']']].port", {"address", "port"}),
    ("groups['web'] | map('extract', hostvars, 'address')", {"address"}),
    ("groups['web'] | map('extract', hostvars, ['address', 'port'])", {"address"}),
    ("groups['web'] | map('extract', hostvars, morekeys='address')", {"address"}),
    ("'address' in hostvars[host]", {"address"}),
    ("hostvars | dict2items | selectattr('value.address', 'defined')", {"address"}),
    ("hostvars[host] is defined", set()),
    ("host in hostvars and hostvars is defined", set()),
    ("{% for host in hostvars %}{{ host in hostvars }}{% endfor %}", set()),
    ("my_hostvars[x][y]", set()),
    ("hostvars[", set()),
])
def test_a_name_that_is_spelt_out_is_read_alone(text: str, names: set[str]) -> None:
    assert other_host_names([text]) == names


@pytest.mark.parametrize("text", [
    "hostvars[host][item]", "hostvars[host]['a' ~ item]", "hostvars.b.get(item)", "hostvars[host] | to_json",
    "hostvars[host].keys()", "groups['web'] | map('extract', hostvars, item)", "['a'] | map('extract', hostvars[host])",
    "item in hostvars[host]", "{{ hostvars[inventory_hostname] }}",
    "{{ hostvars }}", "hostvars", "hostvars | to_nice_json",
])
def test_a_name_that_is_computed_may_be_any(text: str) -> None:
    assert other_host_names([text]) == EVERY
