"""A plan is compared with what was done, step by step."""

from __future__ import annotations

from bench import plan_truth


def result(host: str, name: str, status: str) -> dict[str, object]:
    return {
        "type": "result",
        "time": 1.0,
        "host": host,
        "at": "roles/r/tasks/main.yml:1",
        "name": name,
        "status": status,
    }


def test_a_step_that_changes_although_the_plan_said_ok_is_untrue() -> None:
    planned = plan_truth.outcomes([result("a", "x", "ok"), result("a", "y", "changed"), result("a", "z", "unknown")])
    done = plan_truth.outcomes([result("a", name, "changed") for name in ("w", "x", "y", "z")])
    assert [step[2] for step in plan_truth.untrue(planned, done)] == ["x"]
    assert [step[2] for step in plan_truth.unseen(planned, done)] == ["w"]
