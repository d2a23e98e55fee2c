"""Imports go down only: the table of layers, compared with the sources."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "geoloom"

# One line a level, lowest first; within a level, one inner tuple a row, in reading order.
# A package may import lower levels, the rows above it in its own level, and its own row.
LEVELS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("core",),),
    (("io",),),
    (("figures",), ("datasets",), ("splits",), ("samplers",), ("chips",)),
    (("transforms",), ("models",), ("losses", "metrics")),
    (("preparation",), ("tasks",)),
    (("inference",), ("cluster",), ("evaluation",), ("analysis",)),
    (("project",), ("toolbox",)),
    (("cli",),),
)
# The order inside packages with wings, a tuple a row, lowest first: each may import the rows before its own.
INNER: dict[str, tuple[tuple[str, ...], ...]] = {
    "io": (
        ("access", "checksums", "loops", "threads"),
        ("headers",),
        ("geometry", "vector", "write"),
        ("blocks",),
        ("engines",),
        ("raster", "batch", "buffers"),
        ("mosaic", "outlines", "pictures", "sounds", "explain", "download", "archives"),
    ),
    "datasets": (
        ("region", "options"),
        ("scenes",),
        ("reading", "time"),
        ("query_checks",),
        ("contents",),
        ("base",),
        ("samples",),
        ("layouts",),
        ("benchmarks",),
        ("parts", "scene_dataset", "loader", "arrays"),
        ("part", "raster_options"),
        ("series", "raster"),
        ("intersect", "unite", "embeddings", "vector"),
        ("sensors",),
        ("placed_samples", "declare"),
        ("catalogue",),
        ("stac",),
        ("opening",),
    ),
    "splits": (
        ("names", "label_counts", "overlap", "shares", "gaps"),
        ("patches", "stratify"),
        ("blocks", "sample_ground"),
        ("regions", "scenes", "leaks", "features", "times", "report"),
        ("rois", "samples", "sample_division"),
        ("rules",),
        ("division",),
    ),
    "chips": (
        ("zarr", "requests"),
        ("form", "dataset"),
        ("store",),
        ("apart", "choose", "inputs", "pictures", "overlaps", "reconstitute"),
        ("materialize", "write"),
        ("cut",),
    ),
    "preparation": (
        (
            "options",
            "extents",
            "vector_layers",
            "stack_normalization",
            "operations",
            "renamed_bands",
            "suspicions",
        ),
        ("nodata", "label_plan"),
        ("raster_like", "band_stack"),
        ("join", "crop", "cloud_removal", "resample", "backscatter"),
        ("scene", "labels", "inspection"),
    ),
    "models": (
        ("specs", "identity", "weights", "device", "plugin", "adapt"),
        ("layers", "known", "card"),
        ("families",),
        ("listing",),
        ("pretrained", "networks"),
        ("registry", "pipeline", "per_pixel", "pansharpen"),
        ("saved", "scene_bands", "size", "onnx_metadata"),
        ("foreign",),
        ("opening", "export", "features"),
    ),
}

RANK = {
    package: (level, row)
    for level, rows in enumerate(LEVELS)
    for row, packages in enumerate(rows)
    for package in packages
}
BESIDE = {"testing"}  # may import every layer; only the command line (for the demo) may import it

CORE_MAY_IMPORT = {"affine", "filelock", "geoloom", "numpy", "odc", "pyproj", "shapely"}
HEAVY = {
    "dask", "distributed", "geopandas", "h5py", "kornia", "lightning", "matplotlib", "numba", "numpy", "odc",
    "pandas", "pyogrio", "pyproj", "rasterio", "scipy", "shapely", "timm", "torch", "torchmetrics", "zarr",
}  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One import statement."""

    file: Path
    line: int
    module: str
    """Absolute dotted name, with the imported name appended for `from a import b`."""
    at_module_level: bool

    def __str__(self) -> str:
        return f"{self.file.relative_to(PACKAGE.parent)}:{self.line} imports {self.module}"


def imports_of(file: Path) -> Iterator[Import]:
    """Every import in a file, relative ones made absolute."""
    parts = ("geoloom", *file.relative_to(PACKAGE).with_suffix("").parts)
    home = parts[:-1]  # the package that `from . import x` means, for __init__.py as well
    tree = ast.parse(file.read_text(encoding="utf-8"))
    deferred = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) or _is_type_checking(outer)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        top = id(node) not in deferred
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, top)
        elif isinstance(node, ast.ImportFrom):
            base = list(home[: len(home) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                yield Import(file, node.lineno, ".".join([*base, alias.name]), top)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


ALL_IMPORTS = [
    found for file in sorted(PACKAGE.rglob("*.py")) for found in imports_of(file)
]  # parsed once: every test below reads it


def owner(file: Path) -> str:
    """The subpackage that a file belongs to; '' for the package's own root."""
    parts = file.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def target(module: str) -> str:
    """The subpackage that `geoloom.x.y` names; '' for anything else."""
    parts = module.split(".")
    return parts[1] if parts[0] == "geoloom" and len(parts) > 1 and parts[1] in KNOWN else ""


KNOWN = set(RANK) | BESIDE


def test_every_package_has_a_place_in_the_table():
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages <= KNOWN, f"not in the table of layers: {sorted(packages - KNOWN)}"


def test_imports_go_down_only():
    wrong = []
    for found in ALL_IMPORTS:
        source, wanted = owner(found.file), target(found.module)
        if not source or not wanted or source == wanted or source in BESIDE:
            continue
        if wanted in BESIDE:
            if source != "cli":
                wrong.append(f"{found}: only the command line may use the test fakes")
        elif RANK[wanted] > RANK[source]:
            wrong.append(f"{found}: {source} lies below {wanted}")
    assert not wrong, "\n".join(["imports that go up:", *wrong])


@pytest.mark.parametrize("package", INNER)
def test_wings_import_in_one_direction(package):
    rank = {name: row for row, names in enumerate(INNER[package]) for name in names}
    there = {
        path.stem for path in (PACKAGE / package).iterdir() if path.suffix == ".py" or path.is_dir()
    }
    assert set(rank) == there - {"__init__", "__pycache__"}, "INNER and the folder differ"
    wrong = []
    for found in ALL_IMPORTS:
        inside = found.file.relative_to(PACKAGE).parts
        source, wanted = Path(inside[1]).stem if len(inside) > 1 else "", found.module.split(".")
        if inside[0] != package or source not in rank or wanted[:2] != ["geoloom", package]:
            continue
        name = wanted[2] if len(wanted) > 2 else ""
        if name in rank and name != source and rank[name] >= rank[source]:
            wrong.append(f"{found}: {source} does not lie above {name}")
    assert not wrong, "\n".join(wrong)


def test_chips_have_no_scene_and_no_sampler_of_their_own():
    """They are cut from datasets, at the positions that samplers draw."""
    classes = {
        node.name
        for file in (PACKAGE / "chips").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    assert not {
        name for name in classes if name.endswith(("Scene", "Sampler", "Plan", "Survey"))
    } - {
        "NotedScene"  # the native grid of a scene, as a store's header holds it
    }
    gone = ("scenes", "plan", "strategies", "survey", "splits", "blocks", "ground", "checksum")
    assert not [name for name in gone if (PACKAGE / "chips" / f"{name}.py").exists()]


def test_no_folder_mixes_many_files():
    declarations = {"networks", "catalogue", "geospatial", "supervised", "selfsupervised"}
    crowded = {
        str(folder.relative_to(PACKAGE)): len(list(folder.glob("*.py"))) - 1
        for folder in PACKAGE.rglob("*")
        if folder.is_dir() and folder.name not in declarations
    }
    assert not {name: count for name, count in crowded.items() if count > 20}


def test_core_stands_on_geometry_alone():
    wrong = [
        str(found)
        for found in ALL_IMPORTS
        if owner(found.file) == "core"
        and found.module.split(".")[0] not in CORE_MAY_IMPORT | set(sys.stdlib_module_names)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", ["core", "io"])
def test_no_torch_below_the_datasets(package):
    wrong = [
        str(found)
        for found in ALL_IMPORTS
        if owner(found.file) == package
        and found.module.split(".")[0] in {"torch", "lightning", "torchmetrics", "kornia"}
    ]
    assert not wrong, "\n".join(wrong)


LIGHT = ("core.errors", "core.files", "project.signals", "project.listener")
"""What the command line may load at once."""


def test_the_command_line_starts_light():
    wrong = [
        str(found)
        for found in ALL_IMPORTS
        if owner(found.file) == "cli"
        and found.at_module_level
        and (
            found.module.split(".")[0] in HEAVY
            or (
                target(found.module) not in {"", "cli"}
                and not any(light in found.module for light in LIGHT)
            )
        )
    ]
    assert not wrong, "\n".join(["import these where they are used:", *wrong])


def test_the_table_would_notice_an_import_that_goes_up(tmp_path, monkeypatch):
    (tmp_path / "core").mkdir()
    bad = tmp_path / "core" / "bad.py"
    bad.write_text("from ..io.raster import read\n\ndef f():\n    import torch\n")
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    first, second = imports_of(bad)
    assert target(first.module) == "io"
    assert first.at_module_level
    assert RANK["io"] > RANK["core"]
    assert second.module == "torch"
    assert not second.at_module_level


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import geoloom", ["torch", "rasterio", "numpy", "geopandas"]),
        ("import geoloom.core.grid, geoloom.core.query", ["torch", "rasterio"]),
        ("import geoloom.io.raster", ["torch"]),
        ("import geoloom.cli.app", ["torch", "rasterio", "numpy", "pyproj"]),
    ],
)
def test_a_fresh_process_loads_no_more_than_it_needs(statement, absent):
    code = f"{statement}\nimport sys\nprint([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]", f"`{statement}` loaded {done.stdout.strip()}"
