"""Sources of Debian packages: what the modules that write them share."""

from __future__ import annotations

import time
from typing import Any

from clusterbook.modules.contract import Arguments, ModuleFailed, Parameter
from clusterbook.modules.system import System

DIRECTORY = "/etc/apt/sources.list.d"
UPDATE_PARAMETERS = {
    "update_cache_retries": Parameter("int", "Tries to fetch the lists.", default=5),
    "update_cache_retry_max_delay": Parameter("int", "Longest pause between the tries, in seconds.", default=12),
}


def update(arguments: Arguments, system: System) -> None:
    """Fetch the lists of packages, trying again with growing pauses."""
    tries = max(arguments["update_cache_retries"], 1)
    for attempt in range(tries):
        try:
            system.packages.apt(["update", "-o", "APT::Update::Error-Mode=any"], {})
            return
        except ModuleFailed:
            if attempt + 1 >= tries:
                raise
            time.sleep(min(2 ** attempt, arguments["update_cache_retry_max_delay"]))


def download(url: str, **more: Any) -> bytes:
    """What an address gives, such as a key. ModuleFailed when it does not."""
    from clusterbook.modules import web

    asked = {**{name: item.default for name, item in web.WEB_PARAMETERS.items()}, "url": url, **more}
    with web.ask(asked) as response:
        if response.status >= 400:
            raise ModuleFailed(f"{url} answers {response.status} {response.reason}")
        return b"".join(web.blocks(response, lambda count: None))
