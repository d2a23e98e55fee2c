"""geoloom weights"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..options import as_json, debug, quiet
from ..parameters import Argument, option
from ..terminal import session
from ..verb import Verb, Verbs

if TYPE_CHECKING:
    from ...models.pretrained.table import InputBand, PretrainedWeights


@click.group(
    "weights",
    cls=Verbs,
    examples=[
        "geoloom weights list --sensor sentinel-2 --band nir",
        "geoloom weights info ResNet18_Weights.SENTINEL2_ALL_MOCO",
    ],
)
def weights() -> None:
    """Find and fetch weights that others have trained on satellite images."""


name = click.argument(
    "name",
    cls=Argument,
    help="Of the weights, as the list has it, or timm's: timm/resnet18.a1_in1k.",
)


@weights.command(
    "list",
    cls=Verb,
    examples=["geoloom weights list --sensor sentinel-2 --band nir --model 'timm/resnet*'"],
)
@option("--match", help="Those whose names match, such as '*MOCO*'.", metavar="PATTERN")
@option("--sensor", help="Those of a sensor, such as 'landsat 8'.")
@option("--band", "bands", help="Those that know a band: B08 or nir. Repeatable.", many=True)
@option("--model", help="Those for a network, such as 'timm/resnet*'.", metavar="PATTERN")
@as_json
@debug
def list_weights(
    match: str | None,
    sensor: str | None,
    bands: tuple[str, ...],
    model: str | None,
    as_json: bool,
    debug: bool,
) -> None:
    """List the weights that a network can be started from: for which network, trained on what."""
    with session(as_json=as_json, debug=debug) as terminal:
        from ...models.pretrained import table

        names = table.list_weights(match, sensor=sensor, bands=bands, architecture=model)
        found = [table.get_weights(name) for name in names]
        widths = [max((len(name) for name in names), default=0), 30]
        lines = [
            f"{entry.name:{widths[0]}}  {entry.architecture:{widths[1]}}  {_source(entry)}, "
            f"{len(entry.bands)} bands, {entry.licence or 'licence not stated'}"
            for entry in found
        ]
        terminal.answer(
            {"verb": "weights list", "weights": [entry.to_dict() for entry in found]},
            "\n".join(lines or ["no weights match all of that: leave an option out"]),
        )


@weights.command(
    "info", cls=Verb, examples=["geoloom weights info ResNet18_Weights.SENTINEL2_ALL_MOCO"]
)
@name
@as_json
@debug
def info(name: str, as_json: bool, debug: bool) -> None:
    """Show what weights were trained on, and what they want to be fed, band by band."""
    with session(as_json=as_json, debug=debug) as terminal:
        from ...models.pretrained.table import get_weights

        entry = get_weights(name)
        terminal.answer({"verb": "weights info", **entry.to_dict()}, "\n".join(_facts(entry)))


@weights.command(
    "download",
    cls=Verb,
    examples=["geoloom weights download SeCo_ResNet18_1M"],
)
@name
@option("--to", help="Folder to keep them in, instead of the cache (GEOLOOM_CACHE).", kind=Path)
@as_json
@quiet
@debug
def download(name: str, to: Path | None, as_json: bool, quiet: bool, debug: bool) -> None:
    """Fetch weights now, so that a later training needs no connection."""
    with session(as_json=as_json, quiet=quiet, debug=debug) as terminal:
        from ...models.pretrained.fetch import download_weights
        from ...models.pretrained.table import get_weights

        with terminal.track("bytes") as advance:
            path = download_weights(get_weights(name), folder=to, progress=advance)
        terminal.answer({"verb": "weights download", "path": str(path)}, f"{path}: {name}")


def _source(entry: PretrainedWeights) -> str:
    parts = (entry.sensor, entry.level, entry.method)
    return " ".join(part for part in parts if part)


def _facts(entry: PretrainedWeights) -> Iterator[str]:
    rows = {
        "network": " ".join(
            [entry.architecture or "", *(f"{k}={v}" for k, v in entry.options.items())]
        ),
        "cannot be used": entry.refused,
        "trained on": ": ".join(filter(None, (entry.dataset, _source(entry)))),
        "images": _images(entry),
        "classes": entry.num_classes,
        "note": entry.note,
        "licence": entry.licence or "not stated",
        "source": entry.citation,
        "home": entry.home,
        "file": entry.url,
        "checksum": entry.checksum or "not known: the first download is kept in mind",
    }
    yield entry.name
    yield from (f"  {key:14} {value}" for key, value in rows.items() if value)
    if entry.bands:
        yield "  bands, in order, and what they are fed as:"
    for band in entry.bands:
        yield f"    {band.name:10} {band.role:10} {_rule(band, entry)}"


def _images(entry: PretrainedWeights) -> str | None:
    if entry.size is None:
        return None
    return f"{entry.size} pixels" + (f" of {entry.gsd_m:g} m" if entry.gsd_m else "")


def _rule(band: InputBand, entry: PretrainedWeights) -> str:
    value = band.unit or f"{entry.dtype} as stored"
    centred = f"({value} - {band.center:g})" if band.center else value
    within = "" if band.low is None else f", within {band.low:g} and {band.high:g}"
    return f"{centred} / {band.scale:g}{within}"
