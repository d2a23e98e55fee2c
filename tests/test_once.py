"""What everyone needs is written once: a rule for each, asked of every source file.

A rule finds the mark of a piece of work in a syntax tree, and names the files where that work has its place.
`testing` is left out, whose oracles are independent of the package on purpose.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "geoloom"


@dataclass(frozen=True)
class Rule:
    """A piece of work that has one place."""

    homes: tuple[str, ...]
    """Files that may do it: the first is its place, others need it for the reason beside them."""
    finds: Callable[[ast.AST], bool]
    """Whether a node of a syntax tree does that work."""
    copy: str
    """A source that does the work again, to see that the rule notices."""


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def texts(node: ast.AST) -> set[object]:
    """All constants below a node."""
    return {inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant)}


def names(node: ast.AST) -> set[str]:
    """All names and attributes below a node."""
    inner = list(ast.walk(node))
    return {n.id for n in inner if isinstance(n, ast.Name)} | {
        n.attr for n in inner if isinstance(n, ast.Attribute)
    }


def called(node: ast.AST) -> str:
    """`a.b` of a call `x.a.b(...)`; empty for other nodes."""
    return ".".join(ast.unparse(node.func).split(".")[-2:]) if isinstance(node, ast.Call) else ""


def gives_a_file_its_name(node: ast.AST) -> bool:
    if called(node) in {"os.replace", "os.rename", "os.renames", "shutil.move", "os.fsync"}:
        return True
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return called(node) == "FileLock"
    # `str.replace` takes two, `datetime.replace` keywords.
    one = len(node.args) == 1 and not node.keywords
    return one and node.func.attr in {"replace", "rename"}


def asks_before_replacing(node: ast.AST) -> bool:
    return isinstance(node, ast.BoolOp) and {"exists", "overwrite"} <= names(node)


def counts_turns(node: ast.AST) -> bool:
    if called(node) == "np.unwrap":
        return True
    sides = [node.left, node.right] if isinstance(node, ast.BinOp) else []
    turns = {"TURN", "HALF_TURN"}
    return any(
        (isinstance(side, ast.Constant) and side.value in {180, 360})
        or (isinstance(side, ast.Name) and side.id in turns)
        for side in sides
    )


def takes_the_first_valid(node: ast.AST) -> bool:
    """`more & ~valid`: where another answer alone has a value."""
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.BitAnd)
        and any(
            isinstance(side, ast.UnaryOp)
            and isinstance(side.op, ast.Invert)
            and ast.unparse(side.operand).split(".")[-1] == "valid"
            for side in (node.left, node.right)
        )
    )


def names_composite_rules(node: ast.AST) -> bool:
    return isinstance(node, ast.Tuple) and {"newest", "first", "mean"} <= texts(node)


def registers_by_itself(node: ast.AST) -> bool:
    """A class of registries, or a function `register_...` that hands nothing to one."""
    if isinstance(node, ast.ClassDef):
        return node.name.endswith("Registry")
    return (
        isinstance(node, ast.FunctionDef)
        and node.name.startswith("register_")
        and not any(name.startswith("register") for name in names(node))
    )


def chooses_a_device(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.FunctionDef)
        and "cuda" in texts(node)
        and any(called(inner) == "cuda.is_available" for inner in ast.walk(node))
    )


def matches_bands(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in {
        "match_bands", "find_bands", "BandMatch",
    }  # fmt: skip


def lists_suffixes(node: ast.AST) -> bool:
    known = {".shp", ".gpkg", ".geojson", ".parquet", ".geoparquet", ".kml", ".gml", ".fgb"}
    return isinstance(node, ast.Tuple | ast.List | ast.Set) and len(known & texts(node)) > 1


def chooses_a_resampling(node: ast.AST) -> bool:
    """A default: `x or "nearest"`, `"nearest" if ... else "bilinear"`, or that of a parameter."""
    if isinstance(node, ast.AnnAssign):
        found = [node.value] if ast.unparse(node.annotation) == "Resampling" else []
    elif isinstance(node, ast.IfExp | ast.BoolOp):
        found = [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values
    elif isinstance(node, ast.arguments):
        found = [*node.defaults, *(default for default in node.kw_defaults if default)]
    else:
        return False
    return any(
        isinstance(value, ast.Constant) and value.value in {"nearest", "bilinear"}
        for value in found
    )


def names_resamplings(node: ast.AST) -> bool:
    return isinstance(node, ast.Tuple) and {"nearest", "bilinear", "average", "mode"} <= texts(node)


def types_progress(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and ast.unparse(node) == "Callable[[int, int], None]"


def measures_rings(node: ast.AST) -> bool:
    return called(node).rpartition(".")[2] in {
        "get_geod", "polygon_area_perimeter", "geometry_area_perimeter",
    }  # fmt: skip


def cuts_a_window(node: ast.AST) -> bool:
    """A map moved by whole pixels, a GeoBox of another's pixels at a new corner, or blocks row by row."""
    if isinstance(node, ast.BinOp):
        return called(node.right) == "Affine.translation" and "affine" in names(node.left)
    if called(node) == "GeoBox" and len(node.args) > 1:
        new = node.args[1]
        kept = [ast.unparse(factor) for factor in getattr(new, "args", [])]
        return called(new) == "Affine" and [*kept[:2], *kept[3:5]] == ["a", "b", "d", "e"]
    return goes_in_steps(node) and any(map(goes_in_steps, node.body))


def goes_in_steps(node: ast.AST) -> bool:
    """`for ... in range(0, stop, step)`."""
    if not (isinstance(node, ast.For) and called(node.iter) == "range"):
        return False
    return len(node.iter.args) == 3 and ast.unparse(node.iter.args[0]) == "0"


def finds_the_caches(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return node.value in {"XDG_CACHE_HOME", "LOCALAPPDATA", "Caches"}
    return called(node).rpartition(".")[2] in {"home", "user_cache_path", "user_cache_dir"}


def writes_a_color(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and "02x" in str(node.value)


RULES = {
    "the window of a grid": Rule(
        ("core/grid.py",),
        cuts_a_window,
        "def cut(grid, rows, cols):\n"
        "    return GeoBox(grid.shape, grid.affine * Affine.translation(cols[0], rows[0]), grid.crs)\n",
    ),
    "a file's name": Rule(
        (
            "core/publish.py",
            "core/files.py",  # the lock beside it
        ),
        gives_a_file_its_name,
        "def save(path, text):\n    part = path.with_suffix('.tmp')\n    part.replace(path)\n",
    ),
    "may I replace": Rule(
        (
            "core/files.py",
            "chips/zarr/layout.py",  # a store that a kill left under its old name counts, too
            "cli/demo.py",  # keeps the project file of a demo, which may have been edited
        ),
        asks_before_replacing,
        "def save(path, overwrite):\n    if path.exists() and not overwrite:\n        raise OSError\n",
    ),
    "the antimeridian": Rule(
        ("core/antimeridian.py",),
        counts_turns,
        "def near(lon, middle):\n    return lon - 360 * ((lon - middle) // 360)\n",
    ),
    "first valid wins": Rule(
        ("core/composite.py",),
        takes_the_first_valid,
        "def fill(a, valid, b, seen):\n    a[seen & ~valid] = b[seen & ~valid]\n",
    ),
    "rules of composites": Rule(
        ("core/composite.py",),
        names_composite_rules,
        "Mosaic = Literal['newest', 'first', 'mean']\n",
    ),
    "registries": Rule(
        (
            "core/registry/registry.py",
            "toolbox/preprocessor.py",  # indices of one preprocessor alone
        ),
        registers_by_itself,
        "_KNOWN = {}\n\ndef register_loss(name, loss):\n    _KNOWN[name] = loss\n",
    ),
    "device": Rule(
        ("models/device.py",),
        chooses_a_device,
        "def place():\n    return 'cuda' if torch.cuda.is_available() else 'cpu'\n",
    ),
    "bands of sensors": Rule(
        ("core/bands/match.py",),
        matches_bands,
        "def match_bands(sensors):\n    return sensors[0]\n",
    ),
    "vector suffixes": Rule(("core/suffixes.py",), lists_suffixes, "VECTORS = {'.shp', '.gpkg'}\n"),
    "default resampling": Rule(
        ("core/resampling.py",),
        chooses_a_resampling,
        "def read(categorical):\n    return 'nearest' if categorical else 'bilinear'\n",
    ),
    "names of resamplings": Rule(
        ("core/resampling.py",),
        names_resamplings,
        "KERNELS = ('nearest', 'mode', 'bilinear', 'cubic', 'average')\n",
    ),
    "type of a progress callback": Rule(
        ("core/progress.py",), types_progress, "Progress = Callable[[int, int], None]\n"
    ),
    "colour as #rrggbb": Rule(
        ("core/classes.py",),
        writes_a_color,
        "def color(rgb):\n    return '#' + ''.join(f'{part:02x}' for part in rgb)\n",
    ),
    "cache folder": Rule(
        ("io/access/paths.py",),
        finds_the_caches,
        "FOLDER = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'geoloom'\n",
    ),
    "area of a ring": Rule(
        ("core/area.py",),
        measures_rings,
        "def area(lon, lat):\n    return Geod(ellps='WGS84').polygon_area_perimeter(lon, lat)\n",
    ),
}


def places(rule: Rule, tree: ast.AST) -> list[int]:
    return [getattr(node, "lineno", 0) for node in ast.walk(tree) if rule.finds(node)]


TREES = {
    file.relative_to(PACKAGE).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
    for file in sorted(PACKAGE.rglob("*.py"))
    if file.relative_to(PACKAGE).parts[0] != "testing"
}  # parsed once: every rule reads them


@pytest.mark.parametrize("work", RULES)
def test_this_is_written_once(work):
    rule = RULES[work]
    again = [
        f"src/geoloom/{file}:{line}"
        for file, tree in TREES.items()
        if file not in rule.homes
        for line in places(rule, tree)
    ]
    assert not again, (
        f"{work}: has its place in {rule.homes[0]}; written again in {', '.join(again)}"
    )


@pytest.mark.parametrize("work", RULES)
def test_every_place_of_a_rule_does_that_work(work):
    rule = RULES[work]
    idle = [home for home in rule.homes if not places(rule, TREES[home])]
    assert not idle, f"{work}: nothing of it is in {', '.join(idle)}; correct the rule"


@pytest.mark.parametrize("work", RULES)
def test_a_second_copy_would_be_noticed(work):
    rule = RULES[work]
    assert places(rule, ast.parse(rule.copy))
