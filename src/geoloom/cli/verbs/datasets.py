"""geoloom datasets"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..options import as_json, debug, overwrite, pairs, plugins, quiet, use_plugins
from ..parameters import Argument, flag, option
from ..terminal import session
from ..verb import Verb, Verbs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...datasets.benchmarks.declaration import Benchmark
    from ...datasets.benchmarks.layer import GeoLayer


@click.group(
    "datasets",
    cls=Verbs,
    examples=["geoloom datasets list", "geoloom datasets download eurosat100 data/eurosat100"],
)
def datasets() -> None:
    """Find, fetch and look at datasets of the literature: numbered samples, and layers of the Earth."""


name = click.argument("name", cls=Argument, help="Of the dataset, as the list has it.")
folder = click.argument("folder", cls=Argument, type=Path, help="Where the dataset lies.")
choose = option(
    "--choose",
    help="What a dataset lets you choose, such as version=3_random; info lists it. Repeatable.",
    many=True,
    metavar="NAME=VALUE",
)


@datasets.command("list", cls=Verb, examples=["geoloom datasets list --match 'euro*'"])
@option("--match", help="Those whose names match, such as 'euro*'.", metavar="PATTERN")
@plugins
@as_json
@debug
def list_all(match: str | None, plugin: tuple[Path, ...], as_json: bool, debug: bool) -> None:
    """List the datasets that are known by name."""
    with session(as_json=as_json, debug=debug) as terminal:
        use_plugins(plugin)
        from ...datasets.benchmarks.listing import get_dataset, list_datasets

        known = [get_dataset(command) for command in list_datasets(match)]
        wide = max((len(one.command) for one in known), default=0)
        lines = [
            f"{one.command:{wide}}  {_samples(one, briefly=True):>9}  {one.about}" for one in known
        ]
        terminal.answer(
            {"verb": "datasets list", "datasets": [one.to_dict() for one in known]},
            "\n".join(lines or ["no dataset has such a name: leave --match out"]),
        )


@datasets.command("info", cls=Verb, examples=["geoloom datasets info eurosat"])
@name
@choose
@plugins
@as_json
@debug
def info(
    name: str, choose: tuple[str, ...], plugin: tuple[Path, ...], as_json: bool, debug: bool
) -> None:
    """Show what a dataset holds, where it comes from, and how it is divided."""
    with session(as_json=as_json, debug=debug) as terminal:
        use_plugins(plugin)
        known = _known(name, choose)
        terminal.answer({"verb": "datasets info", **known.to_dict()}, "\n".join(_facts(known)))


@datasets.command(
    "download",
    cls=Verb,
    examples=[
        "geoloom datasets download eurosat100 data/eurosat100",
        "geoloom datasets download cdl data/cdl --part 2023",
    ],
)
@name
@folder
@option(
    "--part",
    "parts",
    help="Of a layer that is fetched by years or provinces: which. Repeatable.",
    many=True,
    metavar="PART",
)
@choose
@option("--split", help="What the samples of this split need alone.")
@option("--bands", help="What this set of bands needs alone, such as s1; info lists them.")
@flag("--checksum", help="Compare files that are there with their checksums, too.")
@plugins
@as_json
@quiet
@debug
def download(
    name: str,
    folder: Path,
    parts: tuple[str, ...],
    choose: tuple[str, ...],
    split: str | None,
    bands: str | None,
    checksum: bool,
    plugin: tuple[Path, ...],
    as_json: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Fetch a dataset and unpack it; what is there already is not fetched again."""
    with session(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        use_plugins(plugin)
        from ...datasets.benchmarks.files import bring_files

        known = _known(name, choose).only(parts)
        bring_files(
            known,
            folder.absolute(),
            split=split,
            bands=known.band_names(bands),
            may_download=True,
            check=checksum,
            track=terminal.track,
        )
        terminal.answer(
            {"verb": "datasets download", "path": str(folder), "parts": list(parts)},
            " ".join([f"{folder}: {known.name}", *parts]),
        )


@datasets.command(
    "plot",
    cls=Verb,
    examples=[
        "geoloom datasets plot eurosat100 data/eurosat100 12",
        "geoloom datasets plot cdl data/cdl 12",
    ],
)
@name
@folder
@click.argument(
    "count", cls=Argument, type=int, help="How many samples or windows, drawn by chance."
)
@click.argument(
    "out",
    cls=Argument,
    type=Path,
    required=False,
    help="Picture to write: *.png, *.svg, *.pdf. Left out: NAME.png, here.",
)
@option("--split", help="Samples of this split alone.")
@choose
@option("--seed", help="Source of chance.", kind=int, default=0)
@plugins
@overwrite
@as_json
@debug
def plot(
    name: str,
    folder: Path,
    count: int,
    out: Path | None,
    split: str | None,
    choose: tuple[str, ...],
    seed: int,
    plugin: tuple[Path, ...],
    overwrite: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Draw a sheet of samples, each with its class, or of windows of a layer, each with its date."""
    with session(as_json=as_json, debug=debug) as terminal:
        use_plugins(plugin)
        from ...core.files import may_replace
        from ...figures.style import save_figure

        out = Path(f"{name.lower()}.png") if out is None else out
        may_replace(out, overwrite=overwrite)
        figure, drawn, what = _sheet(name, folder, count, split, choose, seed)
        save_figure(figure, out, overwrite=overwrite)
        terminal.answer(
            {"verb": "datasets plot", "path": str(out), "samples": drawn}, f"{out}: {drawn} {what}"
        )


def _known(name: str, choose: Sequence[str]) -> Benchmark | GeoLayer:
    """A dataset, with what is chosen of it.

    Raises:
        DatasetError: there is none, or no such choice.
    """
    from ...datasets.benchmarks.listing import get_dataset

    return get_dataset(name).chosen(pairs("--choose", choose))


def _sheet(
    name: str, folder: Path, count: int, split: str | None, choose: Sequence[str], seed: int
) -> tuple[Figure, int, str]:
    """A sheet, how many pictures are on it, and of what."""
    from ...datasets.benchmarks.dataset import benchmark_class
    from ...datasets.benchmarks.layer import GeoLayer

    known = _known(name, choose)
    if isinstance(known, GeoLayer):
        from ...samplers.sheet import window_sheet

        layer = known.open(folder, split)
        scenes = "1 scene" if len(layer) == 1 else f"{len(layer):,} scenes"
        return window_sheet(layer, count, seed=seed), count, f"windows of {scenes}"
    chosen: dict[str, Any] = {**pairs("--choose", choose)}
    dataset = benchmark_class(name)(folder, split=split, **chosen)
    return dataset.sheet(count, seed), min(count, len(dataset)), f"of {len(dataset):,} samples"


def _facts(known: Benchmark | GeoLayer) -> Iterator[str]:
    from ...datasets.benchmarks.declaration import Benchmark

    divided, labels = ", ".join(known.splits), None
    if isinstance(known, Benchmark):
        labels = "none: to learn from pixels alone" if known.outputs is None else None
        divided = divided or "none: divide them by ClassSplit or a list of your own"
    rows = {
        "what": known.about,
        "samples": _samples(known),
        "splits": divided,
        "parts": ", ".join(known.parts),
        "choose": "; ".join(
            f"{choice.name}={'|'.join(choice.values)} ({choice.about})" for choice in known.choices
        ),
        "sets": "; ".join(f"{name}: {len(bands)}" for name, bands in known.band_sets.items()),
        "labels": labels,
        "classes": f"{len(known.classes)}: {', '.join(known.classes)}" if known.classes else None,
        "note": known.note,
        "licence": known.licence or "not stated",
        "source": known.citation,
        "home": known.home,
        "by hand": known.by_hand,
    }
    yield known.name
    yield from (f"  {key:8} {value}" for key, value in rows.items() if value)
    yield "  bands, in order:"
    for band in known.bands:
        yield f"    {band.name:10} {band.role:10} {band.unit or 'unit not stated'}"
    if known.files:
        yield "  files:"
    for file in known.files:
        yield f"    {file.name}  {file.checksum or 'checksum not known'}"
        yield f"      {file.address or 'by hand'}"


def _samples(known: Benchmark | GeoLayer, *, briefly: bool = False) -> str:
    from ...datasets.benchmarks.layer import GeoLayer

    if isinstance(known, GeoLayer):
        return "layer" if briefly else "cut wherever they are asked for"
    sized = "" if known.size is None or briefly else " of {} x {} pixels".format(*known.size)
    return f"{known.samples:,}{sized}"
