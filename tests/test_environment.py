"""environment.yml, constraints.txt and pyproject.toml name the same requirements."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
CONDA_NAMES = {"torch": "pytorch"}
CONDA_ONLY = {"python", "pip", "make"}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def required() -> dict[str, Requirement]:
    """Return every requirement of the package and its extras by name."""
    extras = project()["optional-dependencies"]
    lines = [*project()["dependencies"], *(line for extra in extras.values() for line in extra)]
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


def conda_lines() -> list[tuple[str, str]]:
    """Return (requirement, reason) of each dependency line of environment.yml."""
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    listed = text.split("dependencies:")[1]
    return re.findall(r"^\s+- ([\w.-]+[^\s#:]*)[ \t]*(?:#[ \t]*(.*))?$", listed, re.MULTILINE)


def test_conda_environment_has_the_same_requirements() -> None:
    conda = {Requirement(line).name: Requirement(line).specifier for line, _ in conda_lines()
             if not line.startswith("-e")}  # fmt: skip
    wanted = {CONDA_NAMES.get(name, name): one.specifier for name, one in required().items()}
    assert {name: spec for name, spec in conda.items() if name not in CONDA_ONLY} == wanted
    assert str(conda["python"]) == project()["requires-python"]


def test_conda_environment_gives_each_reason_and_installs_the_package() -> None:
    for line, reason in conda_lines():
        assert line.startswith("-e") or len(reason) > 5, f"{line} has no reason"
    extras = ",".join(project()["optional-dependencies"])
    assert (ROOT / "environment.yml").read_text(encoding="utf-8").endswith(f"- -e .[{extras}]\n")


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_tested_versions_meet_the_bounds_on_every_python(python: str) -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {}
    for line in lines:
        if line and not line.startswith("#"):
            one = Requirement(line)
            if one.marker is None or one.marker.evaluate({"python_version": python}):
                assert one.name not in pinned, f"{one.name} is pinned twice on {python}"
                pinned[one.name] = Version(next(iter(one.specifier)).version)
    for name, one in required().items():
        assert name in pinned, f"{name} has no tested version on {python}"
        assert one.specifier.contains(pinned[name])


def imported(folder: str) -> set[str]:
    """Return the first names of all that the files of a folder import."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).partition(".")[0])
    return found


@pytest.mark.parametrize("folder", ["pruninglab", "tests"])
def test_what_is_imported_is_declared(folder: str) -> None:
    own = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {"pruninglab"}
    declared = {canonicalize_name(name) for name in required()}
    homes = packages_distributions()
    for name in imported(folder) - set(sys.stdlib_module_names) - own:
        known_as = {canonicalize_name(home) for home in homes.get(name, [name])}
        assert known_as & declared, f"{folder} imports {name}, which pyproject.toml does not name"
