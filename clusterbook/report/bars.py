"""The progress of a play as lines of text that fit a terminal: a bar a host, the most telling hosts first."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from clusterbook.report.progress import HostProgress, PlayProgress

BAR = 20
STYLES = {"waits": "dim", "runs": "cyan", "done": "green", "failed": "red", "lost": "red"}
WORDS = {"runs": "running", "waits": "waiting", "done": "done", "failed": "failed", "lost": "unreachable"}
# In which order hosts are kept when not all fit.
RANK = {"runs": 0, "failed": 1, "lost": 1, "waits": 2, "done": 3}
LONG_SECONDS = 3.0
OUTPUT_HOSTS = 3


def lines(play: PlayProgress, width: int, height: int, plain_signs: bool = False) -> list[Text]:
    """Lines for a screen of this size. plain_signs: the terminal knows ASCII only."""
    hosts = list(play.hosts.values())
    room = max(3, height - 3)
    shown, left = hosts, 0
    if len(hosts) > room:
        kept = sorted(hosts, key=lambda host: RANK[host.state])[: room - 1]
        shown, left = [host for host in hosts if host in kept], len(hosts) - len(kept)
    found = [_head(play, width)]
    room -= len(shown)
    names = max(len(host.name) for host in shown) if shown else 0
    talking = [host.name for host in shown if host.output][:OUTPUT_HOSTS]
    for host in shown:
        found.append(_row(host, play, min(names, max(8, width // 4)), width, plain_signs))
        output = list(host.output)[-min(len(host.output), max(0, room)):] if host.name in talking and room > 0 else []
        room -= len(output)
        found.extend(_output(host, output, width, plain_signs))
    if left:
        found.append(Text(f"  … and {left} more hosts", "dim"))
    return found


def _head(play: PlayProgress, width: int) -> Text:
    parts = [f"{play.count(state)} {word}" for state, word in WORDS.items() if play.count(state)]
    changed = sum(host.changed for host in play.hosts.values())
    seconds = play.clock() - play.started
    hint = "   (Ctrl-C does not wait)" if play.stopping else "   (Ctrl-C stops after the current steps)"
    hint = hint if play.count("runs") or play.count("waits") else ""
    head = Text(f"  {', '.join(parts)}; {changed} changed; {clock(seconds)}{hint}", "dim", no_wrap=True)
    head.truncate(width)
    return head


def _row(host: HostProgress, play: PlayProgress, names: int, width: int, plain_signs: bool) -> Text:
    row = Text("  " + _fit(host.name, names).ljust(names) + "  ", "bold", no_wrap=True)
    bar = BAR if width >= 90 else 8 if width >= 60 else 0
    if bar:
        full, empty = ("#", "-") if plain_signs else ("█", "░")
        filled = bar * host.done // host.total
        row.append(full * filled, STYLES[host.state])
        row.append(empty * (bar - filled) + "  ", "dim")
    count = f"{host.done}/{host.total}"
    row.append(f"{count:>{2 * len(str(host.total)) + 1}}  ", "")
    row.append((f"~{host.changed}" if host.changed else "").ljust(4), "yellow")
    right = _seconds(host, play)
    room = width - row.cell_len - len(right) - 2
    row.append(_fit(_step(host), max(0, room)).ljust(max(0, room)), "dim" if host.state in ("waits", "done") else
               "red" if host.state in ("failed", "lost") else "")
    row.append("  " + right, "dim")
    row.truncate(width)
    return row


def _step(host: HostProgress) -> str:
    if host.state == "done":
        return ""
    if not host.step:
        return "connecting, or waiting for its turn"
    return f"{host.step} ({host.note})" if host.note else host.step


def _seconds(host: HostProgress, play: PlayProgress) -> str:
    whole = clock((host.ended if host.ended is not None else play.clock()) - host.started)
    own = play.clock() - host.since
    if host.state == "runs" and host.step and own >= LONG_SECONDS:
        return f"{clock(own)} of {whole}"
    return whole


def _output(host: HostProgress, output: list[str], width: int, plain_signs: bool) -> Iterator[Text]:
    sign = "|" if plain_signs else "│"
    for line in output:
        text = Text(f"      {sign} {line.expandtabs(4)}", "dim", no_wrap=True)
        text.truncate(width, overflow="ellipsis")
        yield text


def _fit(text: str, room: int) -> str:
    """The text on one line, cut to its place."""
    flat = " ".join(text.split())
    return flat if len(flat) <= room else flat[: max(0, room - 1)] + "…" if room else ""


def clock(seconds: float) -> str:
    """'4.2 s', '3:07', '1:02:33'."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
