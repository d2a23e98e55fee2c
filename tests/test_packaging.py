"""What pyproject.toml promises, compared with the imports in the sources and with the tested versions."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from geoloom.core.errors import MissingExtraError

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = {
    file.relative_to(ROOT): ast.parse(file.read_text(encoding="utf-8"))
    for file in sorted((ROOT / "src" / "geoloom").rglob("*.py"))
}
CORE = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}


def libraries_of(extra: str) -> set[str]:
    """The libraries that an extra installs, those of the extras that it names included."""
    libraries: set[str] = set()
    for requirement in map(Requirement, PROJECT["optional-dependencies"][extra]):
        if canonicalize_name(requirement.name) == PROJECT["name"]:
            libraries = libraries.union(*map(libraries_of, requirement.extras))
        else:
            libraries.add(canonicalize_name(requirement.name))
    return libraries


def imported_libraries(tree: ast.Module) -> set[str]:
    """The first names of all absolute imports that are neither Python's own nor geoloom's."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).split(".")[0])
    return names - set(sys.stdlib_module_names) - {"geoloom"}


def extras_named(tree: ast.Module) -> dict[str, str]:
    """Library -> extra, for each `MissingExtraError("library", "extra")` in a source.

    Calls that name what a registered network declares are known only when they run.
    """
    calls = [
        node.args
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "MissingExtraError"
    ]
    return {
        library.value: extra.value
        for library, extra in calls
        if isinstance(library, ast.Constant) and isinstance(extra, ast.Constant)
    }


def test_each_imported_library_is_a_dependency_or_names_its_extra():
    distributions = packages_distributions()
    wrong = []
    for file, tree in SOURCES.items():
        optional = set().union(*map(libraries_of, extras_named(tree).values()))
        for name in imported_libraries(tree):
            owners = {canonicalize_name(owner) for owner in distributions.get(name, [name])}
            if not owners & (CORE | optional):
                wrong.append(
                    f"{file} imports {name}, which neither the core nor a named extra installs"
                )
    assert not wrong, "\n".join(wrong)


def test_each_extra_that_an_error_names_installs_what_was_missing():
    named = [(file, *pair) for file, tree in SOURCES.items() for pair in extras_named(tree).items()]
    extras = {"baseline", "cluster", "hdf5", "indices", "onnx", "testing"}
    assert {extra for _, _, extra in named} == extras
    wrong = [
        f"{file}: the extra {extra!r} does not install {library}"
        for file, library, extra in named
        if extra not in PROJECT["optional-dependencies"] or library not in libraries_of(extra)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_extra_all_holds_the_extras_that_features_need():
    for_developers = {"all", "browser", "dev", "docs", "testing"}
    others = set(PROJECT["optional-dependencies"]) - for_developers
    assert libraries_of("all") == set().union(*map(libraries_of, others))


def test_strategies_without_hypothesis_name_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "geoloom.testing.strategies", raising=False)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'geoloom\[testing\]'"):
        importlib.import_module("geoloom.testing.strategies")


def test_the_tested_versions_are_no_older_than_the_floors():
    floors = runpy.run_path(str(ROOT / "tools" / "floors.py"))["floors"](ROOT / "pyproject.toml")
    assert floors["numpy"] == "2.1"
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    tested = {
        canonicalize_name(name): Version(version)
        for name, version in re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE)
    }
    older = {
        name: floor
        for name, floor in floors.items()
        if canonicalize_name(name) in tested and tested[canonicalize_name(name)] < Version(floor)
    }
    assert not older


@pytest.mark.parametrize(
    ("requirement", "message"),
    [("numpy~=2.0", "is not of the form"), ("affine>=2.0", "two floors")],
)
def test_floors_refuses_what_it_cannot_pin(tmp_path, requirement, message):
    project = tmp_path / "pyproject.toml"
    project.write_text(
        f'[project]\ndependencies = ["affine>=3.0"]\n[project.optional-dependencies]\na = ["{requirement}"]\n'
    )
    floors = runpy.run_path(str(ROOT / "tools" / "floors.py"))["floors"]
    with pytest.raises(ValueError, match=message):
        floors(project)
