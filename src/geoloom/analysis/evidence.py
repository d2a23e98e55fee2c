"""What a report can say: everything gathered from files before any page is made."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odc.geo.geobox import GeoBox

from .._version import __version__
from ..core.classes import Classes
from ..core.errors import ChipError, ModelError, ReadError
from ..core.grid import crs_name
from ..figures.map_frame import pixel_size_m
from ..io.headers.header import Header, read_header
from ..models.identity import file_hash, folder_hash
from .areas import AreaTable, class_areas
from .history import History, read_history
from .learned import LearnedGround
from .scores import AccuracySource, Score, Scored, find_scores
from .truth import KnownTruth

if TYPE_CHECKING:
    from ..models.card import ModelCard

log = logging.getLogger(__name__)

_LIBRARIES = ("numpy", "rasterio", "torch", "lightning", "zarr", "matplotlib")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The facts of one report."""

    card: ModelCard
    map: Path
    scene: Path | None
    truth: KnownTruth | None
    chips: Any
    """A chip store, or None."""
    grid: GeoBox
    """The map's own."""
    scores: tuple[Score, ...]
    """Independent ones first; empty where nothing was measured."""
    areas: AreaTable
    history: History | None
    settings: tuple[tuple[str, Mapping[str, Any]], ...]
    """Title and content of each record of settings."""
    finished: datetime
    """When the map was made, UTC."""

    @property
    def leading(self) -> Score | None:
        """The figures to lead with: independent ones, or none."""
        first = next(iter(self.scores), None)
        return first if first is not None and first.independent else None

    @property
    def classes(self) -> Classes:
        """What the map's codes mean."""
        return self.card.classes


def gather(
    model_dir: Path,
    class_map: Path,
    *,
    scene: Path | None,
    truth: Path | None,
    accuracy: AccuracySource | None,
    chips: Any,
    beside: Sequence[Path] = (),
) -> Evidence:
    """Read and count all that the report shows; arguments as `report`.

    Args:
        beside: Further folders to look for figures in.
    """
    from ..models.saved import read_card

    card = read_card(model_dir)
    header = read_header(class_map)
    run = _record(class_map)
    model = identity_of(model_dir)
    check_map(header, card, run, model)
    wanted = None if truth is None else KnownTruth.of(truth, card.classes)
    if scene is None:
        scene = _neighbour(run.get("scene"), class_map)
    training = card.config.get("chips")
    store = _store(chips, training)
    ground = LearnedGround.of(store, training, header.grid)
    scored = Scored(model_dir, model, class_map, file_hash(class_map), card, ground)
    return Evidence(
        card=card,
        map=class_map,
        scene=scene,
        truth=wanted,
        chips=store,
        grid=header.grid,
        scores=find_scores(scored, wanted, accuracy, beside),
        areas=class_areas(class_map, card.classes),
        history=read_history(model_dir),
        settings=_settings(card, run),
        finished=_finished(run, class_map),
    )


def identity_of(model_dir: Path) -> str | None:
    """SHA-256 of a model folder; None for one without weights, which can still be described."""
    try:
        return folder_hash(model_dir)
    except ModelError:
        return None


def check_map(
    header: Header, card: ModelCard, run: Mapping[str, Any], identity: str | None
) -> None:
    """Refuse a raster that is not a map of the model.

    Raises:
        ModelError: its codes carry no names, or others than the model's classes have; or its record names
            another state of the model.
    """
    own = {code: name for code, name in (header.class_names or {}).items() if name}
    wanted = dict(zip(card.classes.codes, card.classes.names, strict=True))
    if not own.items() >= wanted.items():
        problem = f"names its codes {own}" if own else "carries no class names"
        raise ModelError(
            f"{header.uri} is not a map of this model: it {problem}, where the model's classes are {wanted}; "
            "give what `geoloom predict` wrote with it"
        )
    if run.get("verb") not in (None, "predict"):
        raise ModelError(
            f"{header.uri} was made by `geoloom {run['verb']}`; give what `geoloom predict` wrote"
        )
    made_by = run.get("model_fingerprint")
    in_memory = "/" not in str(run.get("model")) and "\\" not in str(run.get("model"))
    if identity is not None and made_by is not None and not in_memory and made_by != identity:
        raise ModelError(
            f"{header.uri} was made by the model {run.get('model')} in another state than the one given; "
            "predict again, or give the model that made the map"
        )


def versions() -> list[tuple[str, str]]:
    """The software that made the report."""
    import rasterio

    listed = [("geoloom", __version__), ("Python", platform.python_version())]
    for name in _LIBRARIES:
        try:
            listed.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return [*listed, ("GDAL", rasterio.__gdal_version__), ("Leaflet", "1.9.4")]


def describe_grid(grid: GeoBox) -> list[tuple[str, str]]:
    """A grid's size, pixels and CRS in words."""
    height, width = grid.shape
    across, down = pixel_size_m(grid)
    return [
        ("Size", f"{width:,} × {height:,} pixels"),
        ("Pixel on the ground", f"{across:.4g} m × {down:.4g} m"),
        ("Extent", f"{width * across / 1000:,.4g} km × {height * down / 1000:,.4g} km"),
        ("CRS", _crs_title(grid)),
    ]


def _store(chips: Any, training: Any) -> Any:
    """The chip store given, or that of the training where it still is."""
    from ..chips.store import ChipStore

    if chips is not None:
        return ChipStore.open(chips) if isinstance(chips, str | Path) else chips
    path = training.get("path") if isinstance(training, Mapping) else None
    if not isinstance(path, str) or not Path(path).is_dir():
        return None
    try:
        return ChipStore.open(path)
    except ChipError as error:
        log.warning("the chips of the training cannot be shown: %s", error)
        return None


def _record(product: Path) -> dict[str, Any]:
    """The record of the run that made a product; empty where there is none."""
    try:
        content = json.loads(product.with_name(product.name + ".run.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _neighbour(named: Any, class_map: Path) -> Path | None:
    """The scene that the record names, where it can still be read."""
    if not isinstance(named, str):
        return None
    for path in (Path(named), class_map.parent / Path(named).name):
        if path.exists():
            try:
                read_header(path)
            except ReadError:
                continue
            return path
    return None


def _settings(card: ModelCard, run: Mapping[str, Any]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    records: list[tuple[str, Mapping[str, Any]]] = []
    if card.config:
        records.append(("Training", card.config))
    if run:
        records.append(("Prediction", run))
    return tuple(records)


def _finished(run: Mapping[str, Any], class_map: Path) -> datetime:
    try:
        return datetime.fromisoformat(str(run.get("finished"))).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(class_map.stat().st_mtime, UTC)


def _crs_title(grid: GeoBox) -> str:
    from pyproj import CRS

    name = crs_name(grid.crs)
    title = CRS(name).name
    return f"{title} ({name})" if name.startswith("EPSG") else title
