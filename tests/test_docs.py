"""The documentation holds: its Python runs, its commands parse, its pages and modules are there."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = re.compile(r"<!-- run -->\n```python\n(.*?)```", re.DOTALL)
SCRIPT = re.compile(r"<!-- script -->\n```python\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"```(?:bash|sh)\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^(?:#\s*)?\s*(geoloom .*)$", re.MULTILINE)

SIZE_PX = 256


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="session")
def small_files(tmp_path_factory) -> Path:
    """What the pages speak of: a scene, its truth, labels, chips, a model, a map. Small, made once."""
    import geoloom as gl
    from geoloom.chips.cut import cut_chips
    from geoloom.cli.terminal import Terminal
    from geoloom.project.steps import STEPS
    from geoloom.testing.simulate import simulated_scene

    folder = tmp_path_factory.mktemp("docs")
    made = simulated_scene(folder, size_px=SIZE_PX)
    rasterize = STEPS["rasterize"](
        labels=made.truth,
        scene=made.scene,
        out=folder / "labels.tif",
        classes=list(made.class_names),
    )
    rasterize.perform(Terminal(quiet=True), overwrite=False, resume=False)
    cut_chips(made.scene, folder / "chips.zarr", labels=rasterize.out, size=32, count=60)
    gl.train(
        folder / "chips.zarr",
        folder / "model",
        width=0.125,
        epochs=1,
        batch_size=32,
        progress=False,
    )
    gl.predict(folder / "model", made.scene, folder / "map.tif", tile=128, halo=16)
    write_pictures(folder / "chips")
    return folder


def write_pictures(folder: Path) -> None:
    """Pictures in folders of classes."""
    for number in range(24):
        name = ("forest", "river", "urban")[number % 3]
        (folder / name).mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / name / f"{number:03}.png")


@pytest.fixture
def own_registries(monkeypatch):
    """What a page or an example registers under a name is forgotten after it."""
    from geoloom.losses.registry import LOSSES
    from geoloom.models.listing import MODELS
    from geoloom.transforms.augmentations.registry import AUGMENTATION_KINDS
    from geoloom.transforms.indices import INDICES
    from geoloom.transforms.normalize import NORMALIZATIONS

    for registry in (MODELS, *LOSSES.values(), AUGMENTATION_KINDS, INDICES, NORMALIZATIONS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


@pytest.mark.parametrize("page", [p for p in PAGES if RUN.search(p.read_text())], ids=page_name)
def test_the_python_of_a_page_runs(page, small_files, own_registries, tmp_path, monkeypatch):
    """All of a page's blocks, one after the other, as a reader would."""
    place = tmp_path / "place"
    shutil.copytree(small_files, place)
    monkeypatch.chdir(place)
    module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)  # dataclasses look themselves up there
    text = page.read_text()
    for block in RUN.finditer(text):
        line = text[: block.start(1)].count("\n")
        code = compile("\n" * line + block[1], str(page), "exec")
        exec(code, vars(module))


@pytest.mark.parametrize("page", [p for p in PAGES if SCRIPT.search(p.read_text())], ids=page_name)
def test_the_programs_of_a_page_run(page, small_files, tmp_path):
    """Those that start processes, which run them again: each by itself, as a reader would."""
    place = tmp_path / "place"
    shutil.copytree(small_files, place)
    for number, script in enumerate(SCRIPT.findall(page.read_text())):
        program = place / f"program{number}.py"
        program.write_text(script)
        done = subprocess.run(
            [sys.executable, program], cwd=place, capture_output=True, text=True, timeout=400
        )
        assert done.returncode == 0, done.stderr


def commands_of(page: Path) -> list[str]:
    text = page.read_text()
    shells = [text] if page.suffix == ".yaml" else SHELL.findall(text)
    joined = "\n".join(shell.replace("\\\n", " ") for shell in shells)
    return [found.split("   #")[0].strip() for found in COMMAND.findall(joined)]


EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
SPOKEN = [
    pytest.param(command, id=f"{page_name(page)}: {command[:60]}")
    for page in [*PAGES, *EXAMPLES]
    for command in commands_of(page)
]


@pytest.mark.parametrize("command", SPOKEN)
def test_the_commands_of_a_page_parse(command):
    from geoloom.cli.app import app

    _, verb, *words = shlex.split(command)
    assert verb in app.commands
    app.commands[verb].make_context(verb, words)


def test_the_picture_of_alignment_shows_what_its_page_says(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    pictures = importlib.import_module("pictures")
    once, twice = pictures.draw_alignment(tmp_path / "alignment.png")
    assert once == 0
    assert twice > 0.2
    assert (tmp_path / "alignment.png").stat().st_size > 10_000


def test_every_page_is_in_the_contents_and_the_contents_are_pages():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text().split("markdown_extensions")[0])["nav"]

    def pages(entry):
        if isinstance(entry, str):
            yield entry
        for child in entry.values() if isinstance(entry, dict) else entry * isinstance(entry, list):
            yield from pages(child)

    listed = list(pages(nav))
    assert sorted(listed) == sorted(str(p.relative_to(ROOT / "docs")) for p in PAGES[1:])


def modules() -> list[str]:
    source = ROOT / "src"
    files = sorted((source / "geoloom").rglob("*.py"))
    names = [".".join(file.relative_to(source).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names]


def test_the_reference_names_modules_that_exist():
    known = set(modules())
    named = {
        name
        for page in (ROOT / "docs" / "api").glob("*.md")
        for name in re.findall(r"^::: ([\w.]+)", page.read_text(), re.MULTILINE)
    }
    assert named
    missing = {name for name in named if name not in known and not _is_object(name)}
    assert not missing


def _is_object(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    return hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_run(name, own_registries, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(name), verbose=False)
    assert found.failed == 0, f"{found.failed} of {found.attempted} examples in {name} fail"
