"""Names of what builds a component. The lock is kept per toolchain, since another one may give other bytes."""

from __future__ import annotations

from pathlib import Path

from clusterbook.cluster.artifacts import compiler, debian, golang, python_tree
from clusterbook.cluster.artifacts.catalog import Component, CRecipe, DebianRecipe, PythonRecipe
from clusterbook.cluster.artifacts.events import Report


def toolchain(component: Component, go: str) -> str:
    """The toolchain that would build the component here. Pure Go needs nothing of this machine to be looked at."""
    recipe = component.recipe
    if isinstance(recipe, DebianRecipe):
        return debian.identity()
    if isinstance(recipe, PythonRecipe):
        return python_tree.identity(recipe)
    if isinstance(recipe, CRecipe):
        return compiler.identity()
    return f"go{go} {compiler.identity()}" if recipe.cgo else f"go{go}"


def needs_lock(component: Component) -> bool:
    """Whether built bytes must be in the lock. Debian's packages are verified by Debian's own signed index."""
    return not isinstance(component.recipe, DebianRecipe | PythonRecipe)


def build(component: Component, go: str, folder: Path, report: Report) -> dict[str, Path]:
    """Build every file of the component inside folder."""
    recipe = component.recipe
    if isinstance(recipe, DebianRecipe):
        return debian.build(recipe, folder)
    if isinstance(recipe, PythonRecipe):
        return python_tree.build(component, recipe, folder, report)
    if isinstance(recipe, CRecipe):
        return compiler.build(component, recipe, go, folder)
    return golang.build(component, recipe, go, folder, report)
