"""geoloom datasets"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import as_json, debug, overwrite, quiet
from ..parameters import Argument, flag, option
from ..terminal import session
from ..verb import Verb, Verbs

if TYPE_CHECKING:
    from ...datasets.benchmarks.declaration import Benchmark


@click.group(
    "datasets",
    cls=Verbs,
    examples=["geoloom datasets list", "geoloom datasets download eurosat100 data/eurosat100"],
)
def datasets() -> None:
    """Find, fetch and look at the benchmark datasets of the literature."""


name = click.argument("name", cls=Argument, help="Of the dataset, as the list has it.")
folder = click.argument("folder", cls=Argument, type=Path, help="Where the dataset lies.")


@datasets.command("list", cls=Verb, examples=["geoloom datasets list --match 'euro*'"])
@option("--match", help="Those whose names match, such as 'euro*'.", metavar="PATTERN")
@as_json
@debug
def list_all(match: str | None, as_json: bool, debug: bool) -> None:
    """List the datasets that are known by name."""
    with session(as_json=as_json, debug=debug) as terminal:
        from ...datasets.benchmarks.listing import get_benchmark, list_datasets

        known = [get_benchmark(command) for command in list_datasets(match)]
        wide = max((len(one.command) for one in known), default=0)
        lines = [f"{one.command:{wide}}  {one.samples:>9,}  {one.about}" for one in known]
        terminal.answer(
            {"verb": "datasets list", "datasets": [one.to_dict() for one in known]},
            "\n".join(lines or ["no dataset has such a name: leave --match out"]),
        )


@datasets.command("info", cls=Verb, examples=["geoloom datasets info eurosat"])
@name
@as_json
@debug
def info(name: str, as_json: bool, debug: bool) -> None:
    """Show what a dataset holds, where it comes from, and how it is divided."""
    with session(as_json=as_json, debug=debug) as terminal:
        from ...datasets.benchmarks.listing import get_benchmark

        known = get_benchmark(name)
        terminal.answer({"verb": "datasets info", **known.to_dict()}, "\n".join(_facts(known)))


@datasets.command(
    "download", cls=Verb, examples=["geoloom datasets download eurosat100 data/eurosat100"]
)
@name
@folder
@flag("--checksum", help="Compare files that are there with their checksums, too.")
@as_json
@quiet
@debug
def download(
    name: str, folder: Path, checksum: bool, as_json: bool, quiet: bool, debug: bool
) -> None:
    """Fetch a dataset and unpack it; what is there already is not fetched again."""
    with session(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from ...datasets.benchmarks.files import bring_files
        from ...datasets.benchmarks.listing import get_benchmark

        known = get_benchmark(name)
        bring_files(
            known, folder.absolute(), may_download=True, check=checksum, track=terminal.track
        )
        terminal.answer(
            {"verb": "datasets download", "path": str(folder)}, f"{folder}: {known.name}"
        )


@datasets.command(
    "plot", cls=Verb, examples=["geoloom datasets plot eurosat100 data/eurosat100 12"]
)
@name
@folder
@click.argument("count", cls=Argument, type=int, help="How many samples, drawn by chance.")
@click.argument(
    "out",
    cls=Argument,
    type=Path,
    required=False,
    help="Picture to write: *.png, *.svg, *.pdf. Left out: NAME.png, here.",
)
@option("--split", help="Samples of this split alone.")
@option("--seed", help="Source of chance.", kind=int, default=0)
@overwrite
@as_json
@debug
def plot(
    name: str,
    folder: Path,
    count: int,
    out: Path | None,
    split: str | None,
    seed: int,
    overwrite: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Draw a sheet of samples, each with its class."""
    with session(as_json=as_json, debug=debug) as terminal:
        from ...core.files import may_replace
        from ...datasets.benchmarks.dataset import benchmark_class
        from ...figures.style import save_figure

        out = Path(f"{name.lower()}.png") if out is None else out
        may_replace(out, overwrite=overwrite)
        dataset = benchmark_class(name)(folder, split=split)
        save_figure(dataset.sheet(count, seed), out, overwrite=overwrite)
        terminal.answer(
            {"verb": "datasets plot", "path": str(out), "samples": min(count, len(dataset))},
            f"{out}: {min(count, len(dataset))} of {len(dataset):,} samples",
        )


def _facts(known: Benchmark) -> Iterator[str]:
    rows = {
        "what": known.about,
        "samples": f"{known.samples:,}" + _sized(known),
        "splits": ", ".join(known.splits)
        or "none: divide them by ClassSplit or a list of your own",
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
    yield "  files:"
    for file in known.files:
        yield f"    {file.name}  {file.checksum or 'checksum not known'}"
        yield f"      {file.address or 'by hand'}"


def _sized(known: Benchmark) -> str:
    return "" if known.size is None else " of {} x {} pixels".format(*known.size)
