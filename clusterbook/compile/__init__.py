"""Compiles a project for an inventory and a selection into a plan; pure."""

from clusterbook.compile.plan import Plan, PlayPlan, Selection, StepInfo
from clusterbook.compile.plays import compile_plan

__all__ = ["Plan", "PlayPlan", "Selection", "StepInfo", "compile_plan"]
