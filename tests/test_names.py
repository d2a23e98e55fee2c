"""The public names: one page lists them, packages and page are compared, and asking for one loads no more.

Run as a script, it writes the list into the page: python tests/test_names.py
"""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "geoloom"
PAGE = ROOT / "docs" / "api" / "names.md"
START, STOP = "<!-- names -->\n", "<!-- end of names -->"
WITHOUT_NAMES = {"cli"}
"""Packages that are run, not imported."""
OF_OTHERS = {"GeoBox": "Shape, affine map and CRS of a grid of pixels, immutable; from odc-geo."}
"""Names of other libraries, whose docstrings are not ours."""


@dataclass(frozen=True)
class Offer:
    """What the `__init__.py` of a package offers."""

    package: str
    seen: dict[str, str]
    """Name -> module, as the imports for type checkers have it."""
    given: dict[str, str]
    """Name -> module, as the table has it that Python looks names up in."""
    unaliased: tuple[str, ...]
    """Imports for type checkers that are not `as` themselves: private to these."""
    own: tuple[str, ...]
    subpackages: tuple[str, ...]
    others: str | None
    """The module that knows further names: one declaration a file, no list of them."""

    @property
    def folder(self) -> Path:
        return PACKAGE.parent.joinpath(*self.package.split("."))

    @property
    def names(self) -> list[str]:
        return sorted([*self.given, *self.own])

    def home(self, name: str) -> str:
        """The absolute name of the module that defines a name."""
        if name in self.own:
            return self.package
        return importlib.util.resolve_name(self.given[name], self.package)


def offer_of(init: Path) -> Offer:
    tree = ast.parse(init.read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    seen, unaliased = {}, []
    imports = [node for node in block.body if not isinstance(node, ast.FunctionDef)]
    for node in imports:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            seen[alias.name] = "." * node.level + (node.module or "")
            if alias.asname != alias.name:
                unaliased.append(alias.name)
    (assigned,) = block.orelse
    call = assigned.value
    assert ast.unparse(call.func) == "lazy_names"
    options = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    table = ast.literal_eval(call.args[1])
    return Offer(
        ".".join(init.parent.relative_to(PACKAGE.parent).parts),
        seen,
        {name: home for home, names in table.items() for name in names},
        tuple(unaliased),
        tuple(options.get("own", ())),
        tuple(options.get("subpackages", ())),
        options.get("others"),
    )


OFFERS = [
    offer_of(init)
    for init in [PACKAGE / "__init__.py", *sorted(PACKAGE.glob("*/__init__.py"))]
    if init.parent.name not in WITHOUT_NAMES
]
each_package = pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.package)


def explained(offer: Offer, name: str) -> str:
    """The first line of a name's docstring, read without importing; empty where there is none."""
    if name in OF_OTHERS:
        return OF_OTHERS[name]
    path = PACKAGE.parent.joinpath(*offer.home(name).split("."))
    file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            if [ast.unparse(decorator) for decorator in node.decorator_list] == ["overload"]:
                continue
            return (ast.get_docstring(node) or "").partition("\n")[0]
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = after.value if isinstance(after, ast.Expr) else None
            is_text = isinstance(value, ast.Constant) and isinstance(value.value, str)
            return value.value.partition("\n")[0] if is_text else ""
    raise AssertionError(f"{offer.home(name)} does not define {name}; name the module that does")


def listing() -> str:
    """A heading for each package, and a line for each of its names."""
    lines: list[str] = []
    for offer in OFFERS:
        text = ast.get_docstring(ast.parse((offer.folder / "__init__.py").read_text("utf-8")))
        lines += [f"## {offer.package}", "", text.partition("\n")[0], ""]
        public = [name for name in offer.names if not name.startswith("_")]
        lines += [f"- `{name}`: {explained(offer, name)}" for name in public]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def parts_of_page() -> tuple[str, str, str]:
    before, start, rest = PAGE.read_text(encoding="utf-8").partition(START)
    listed, stop, after = rest.partition(STOP)
    assert start, f"{PAGE} has no {START!r}"
    assert stop, f"{PAGE} has no {STOP!r}"
    return before + start, listed, stop + after


def test_the_page_lists_the_names_that_there_are():
    listed = parts_of_page()[1].splitlines()
    wanted = listing().splitlines()
    stale = [f"- {line}" for line in listed if line and line not in wanted]
    missing = [f"+ {line}" for line in wanted if line and line not in listed]
    assert listed == wanted, "\n".join(
        [
            "public names changed; if that is meant, run `python tests/test_names.py`:",
            *stale,
            *missing,
        ]
    )


@each_package
def test_type_checkers_see_the_names_that_python_gives(offer):
    packages = dict.fromkeys(offer.subpackages, ".")
    assert offer.seen.keys() - set(offer.own) == offer.given.keys() | packages.keys()
    assert offer.seen | offer.given | packages == offer.seen
    assert not offer.unaliased, "write these `as` themselves"


@each_package
def test_a_name_is_what_its_module_defines(offer):
    package = importlib.import_module(offer.package)
    assert package.__all__ == offer.names
    others = importlib.import_module(offer.others, offer.package) if offer.others else None
    further = others.names() if others else []
    assert dir(package) == sorted([*offer.names, *offer.subpackages, *further])
    for name in further:
        assert getattr(package, name).__name__ == name
    for name in offer.given:
        assert getattr(package, name) is getattr(importlib.import_module(offer.home(name)), name)


@each_package
def test_every_name_is_explained(offer):
    lines = {name: explained(offer, name) for name in offer.given}
    assert not [name for name, line in lines.items() if not line.endswith(".")], (
        "these need a docstring whose first line is a whole sentence"
    )


@each_package
def test_no_name_is_that_of_a_submodule(offer):
    """Once the submodule is imported, Python puts it in the place of whatever else bears its name."""
    submodules = {
        path.stem
        for path in offer.folder.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert not submodules & set(offer.names), "offer these at the top alone, as gl.NAME"
    assert set(offer.subpackages) <= submodules


def test_the_packages_are_attributes_of_the_whole():
    assert set(OFFERS[0].subpackages) == {offer.folder.name for offer in OFFERS[1:]}


def fresh_process(code: str) -> object:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_a_package_loads_nothing_but_the_standard_library():
    code = f"""
import json, sys
from importlib import import_module
before, loaded = set(sys.modules), {{}}
for package in {[offer.package for offer in OFFERS]!r}:
    import_module(package)
    roots = {{name.partition(".")[0] for name in sys.modules.keys() - before}}
    loaded[package] = sorted(roots - set(sys.stdlib_module_names) - {{"geoloom"}})
print(json.dumps(loaded))
"""
    assert fresh_process(code) == {offer.package: [] for offer in OFFERS}


def test_a_name_is_reached_from_the_top_without_further_imports():
    code = """
import json, sys
import geoloom
year = geoloom.core.Interval.of("2019")
print(json.dumps([str(year.start.year), "torch" in sys.modules, "rasterio" in sys.modules]))
"""
    assert fresh_process(code) == ["2019", False, False]


def test_a_misspelt_name_is_an_error_that_names_the_package():
    import geoloom.tasks

    with pytest.raises(AttributeError, match=r"'geoloom\.tasks' has no attribute 'Segmentation'"):
        geoloom.tasks.Segmentation  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Segmentation'"):
        exec("from geoloom.tasks import Segmentation")


@pytest.mark.parametrize(
    ("package", "name", "hint"),
    [
        ("datasets", "stack_samples", "leave collate_fn out"),
        ("datasets", "random_grid_cell_assignment", "BlockSplit"),
        ("tasks", "SemanticSegmentationTask", "SegmentationTask of geoloom.tasks"),
        ("transforms", "AppendNormalizedDifferenceIndex", "AppendIndex"),
        ("samplers", "Units", 'units="pixels"'),
        ("samplers", "RandomPatchSampler", "RandomGeoSampler"),
        ("tasks", "EuroSATDataModule", "SampleDataModule"),
        ("datasets", "NonGeoDataset", "SampleDataset"),
        ("datasets", "RGBBandsMissingError", "BandError of geoloom.core.errors"),
        ("datasets", "LandCoverAIGeo", "as_geo"),
    ],
)
def test_names_of_torchgeo_are_errors_that_name_ours(package, name, hint):
    module = importlib.import_module(f"geoloom.{package}")
    assert not hasattr(module, name)
    with pytest.raises(AttributeError, match=hint):
        getattr(module, name)
    with pytest.raises(ImportError, match=f"cannot import name '{name}'.*{hint}"):
        exec(f"from geoloom.{package} import {name}")


def test_hints_name_what_there_is_and_only_for_what_there_is_not():
    from geoloom.core.hints import torchgeo

    of_others = {"DataLoader", "None"}
    tables = [value for value in vars(torchgeo).values() if isinstance(value, dict)]
    hints = [hint for table in tables for hint in table.values() if isinstance(hint, str)]
    named = [
        (package, name)
        for hint in hints
        for words, package in re.findall(r"([\w, ().=\[\]{}\"':]+?) of (geoloom(?:\.\w+)+)", hint)
        for name in re.findall(r"\b[A-Z]\w*[a-z]\w*", words)
    ]
    assert len(named) > 20
    missing = [
        (package, name)
        for package, name in named
        if name not in of_others and not hasattr(importlib.import_module(package), name)
    ]
    assert not missing
    there = {name for offer in OFFERS for name in offer.names}
    datasets = importlib.import_module("geoloom.datasets")
    assert not [name for name in torchgeo.NAMES if name in there or hasattr(datasets, name)]


def test_keywords_of_torchgeo_are_errors_that_name_ours(tmp_path):
    from geoloom.datasets import NAIP, Landsat8
    from geoloom.tasks import SegmentationTask

    with pytest.raises(TypeError, match=r"^NAIP\(\) got .* 'classes': .*EncodeClasses"):
        NAIP(tmp_path, classes=[1, 5])
    with pytest.raises(TypeError, match=r"^Landsat8\(\) got .* 'download': give a folder"):
        Landsat8(tmp_path, download=True)
    with pytest.raises(
        TypeError, match=r"^SegmentationTask\(\) got .* '(backbone|model)': the network"
    ):
        SegmentationTask(model="unet", backbone="resnet18")
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'lrr'$"):
        SegmentationTask("unet", 2, in_channels=1, lrr=1)


PUBLIC = {offer.package: set(offer.names) for offer in OFFERS}
LONG_IMPORT = re.compile(r"from (geoloom(?:\.\w+){2,}) import (?:\(([^)]*)\)|(.*))")
LONG_NAME = re.compile(r"`(geoloom(?:\.\w+){2,})\.(\w+)")


def long_paths(text: str) -> list[str]:
    """Public names that a text reaches by the modules that define them."""
    reached = [
        (module, word)
        for module, several, one in LONG_IMPORT.findall(text)
        for word in re.findall(r"\w+", several or one.partition("#")[0])
    ]
    return [
        f"{module}.{name}"
        for module, name in [*reached, *LONG_NAME.findall(text)]
        if name in PUBLIC.get(".".join(module.split(".")[:2]), ())
    ]


DOCUMENTS = [
    file
    for file in [ROOT / "README.md", *(ROOT / "docs").rglob("*"), *(ROOT / "examples").rglob("*")]
    if file.suffix in {".md", ".py", ".yaml"} and file.name != "architecture.md"
]


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_documentation_takes_names_by_the_short_path(file):
    assert not long_paths(file.read_text(encoding="utf-8"))


def test_a_long_path_is_noticed():
    assert long_paths("from geoloom.tasks.training.config import (\n    TrainConfig,\n)") == [
        "geoloom.tasks.training.config.TrainConfig"
    ]
    assert long_paths("see `geoloom.datasets.reading.device.to_device`")
    assert not long_paths("from geoloom.tasks import TrainConfig")


if __name__ == "__main__":
    before, _, after = parts_of_page()
    PAGE.write_text(before + listing() + after, encoding="utf-8")
