"""A run as JUnit XML, for systems that show test results: a suite a host, a case a step."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from clusterbook.report.history import History, Result

# What XML 1.0 cannot hold.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(run: History) -> str:
    """The document. A failed step is a failure, an unreachable host an error, a step that did not run skipped."""
    root = ElementTree.Element("testsuites", name=_text(run.facts.get("playbook", "run")), time=f"{run.seconds:.3f}")
    for host, counts in run.counts.items():
        results = [result for result in run.results if result.host == host]
        lost = [failure for failure in run.failures if failure.host == host and failure.lost]
        suite = ElementTree.SubElement(
            root, "testsuite", name=_text(host), tests=str(len(results) + len(lost)),
            failures=str(sum(result.status == "failed" for result in results)), errors=str(len(lost)),
            skipped=str(counts["skipped"]), time=f"{sum(result.seconds for result in results):.3f}",
            timestamp=_text(run.facts.get("started", "")),
        )
        for result in results:
            _case(suite, result, run)
        for failure in lost:
            case = ElementTree.SubElement(suite, "testcase", name="connection", classname=_text(host))
            found = ElementTree.SubElement(case, "error", message=_text(failure.lines[0].removeprefix("  cause   ")))
            found.text = _text("\n".join(failure.lines))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, result: Result, run: History) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", name=_text(result.step), classname=_text(result.play), time=f"{result.seconds:.3f}"
    )
    if result.at:
        file, _, line = result.at.rpartition(":")
        case.set("file", _text(file))
        case.set("line", line)
    if result.status == "failed":
        own = next((failure for failure in run.failures if failure.host == result.host
                    and failure.title.startswith(result.step)), None)
        message = result.words[0] if result.words else "failed"
        found = ElementTree.SubElement(case, "failure", message=_text(message))
        found.text = _text("\n".join(own.lines if own else result.words))
    elif result.status == "skipped":
        ElementTree.SubElement(case, "skipped")
    elif result.status in ("changed", "unknown", "ignored"):
        output = ElementTree.SubElement(case, "system-out")
        output.text = _text("\n".join((result.status, *result.words, *result.diff)))


def _text(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
