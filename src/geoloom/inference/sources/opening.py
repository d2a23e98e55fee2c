"""From whatever names scenes to the source of their map."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, get_args

from odc.geo.geobox import GeoBox

from ...chips.inputs import is_raster_file, join_layers
from ...core.errors import ConfigError, DatasetError, IntervalError, suggest
from ...core.interval import ALWAYS, Instant, Interval
from ...core.query import Query
from ...core.suffixes import VECTOR_SUFFIXES
from ...datasets.base import GeoDataset
from ...datasets.opening import open as open_dataset
from ...datasets.opening import sensor_of
from ...datasets.raster import RasterDataset
from ...datasets.region import Region
from ...datasets.stac.detect import are_stac
from ...datasets.time.steps import EveryDate
from ...io.access.naming import Naming
from ...io.headers.header import Header, read_header
from ...preparation.extents import enclosing_grid
from ...preparation.join import names_of_bands, names_of_dates, shares_covered
from ...preparation.options import Join
from .dataset import DatasetSource, is_series
from .file import FileSource
from .grids import GridChoice
from .joined import DatedFiles, MosaicFiles, StackedFiles
from .source import Source

if TYPE_CHECKING:
    from ...models.specs import Dates

log = logging.getLogger(__name__)

Given: TypeAlias = str | Path | Header | Sequence[str | Path] | GeoDataset | Source
"""A file or its header, several files, a folder, pattern or STAC index, a dataset, or any source."""

When: TypeAlias = Interval | Instant | tuple[Instant, Instant] | None

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_]?([01]\d)[-_]?([0-3]\d)(?!\d)")
"""A day in a file's name."""


def open_source(
    given: Given,
    *,
    dates: Dates = 1,
    join: Join | None = None,
    when: When = None,
    nodata: float | None = None,
    assume_crs: str | None = None,
    choice: GridChoice | None = None,
) -> Source:
    """What a map is made from.

    A file is read on its own pixels, several as they are joined; files that a sensor's names describe, and
    folders, are opened as `geoloom.open` does.

    Args:
        given: A file, several, a folder, a dataset, or a source, which is taken as it is.
        dates: How many dates the model sees at once. More than one makes a series of a dataset's dates.
        join: How several files become one; see `preparation.prepare`.
        when: Of a dataset, the time asked about; None for any.
        nodata: Stored value that means unobserved, instead of the files' own.
        assume_crs: Instead of the files' missing or wrong one.
        choice: The map's pixels, where not those of the scenes.

    Raises:
        ConfigError: options do not go with what is given, or nothing says how several files become one.
        GridError: scenes lie in several CRSs and no grid is chosen, or files do not overlap.
        ReadError: a file cannot be read.
    """
    grid = choice or GridChoice()
    files = raster_files(given)
    layers = _layers(given, join, files)
    if layers is not None:
        given, join = layers, None
    if isinstance(given, Header):
        return file_source(given, nodata, grid)
    if files is not None and (join is not None or len(files) == 1):
        _refuse(when is not None, "when", "chooses among the dates of a folder or a dataset")
        headers = tuple(read_header(file, crs=assume_crs) for file in files)
        if join is None:
            return file_source(headers[0], nodata, grid)
        return _joined(headers, join, nodata, grid, dates)
    if isinstance(given, GeoDataset) or not _is_source(given):
        dataset = opened_dataset(given, nodata, assume_crs)
        return _of_dataset(dataset, Interval.of(when), grid, dates)
    for name, value in (("when", when), ("nodata", nodata), ("assume_crs", assume_crs)):
        _refuse(value is not None, name, "is of files and datasets; a source has settled it")
    _refuse(grid.is_given, "a grid", "is of files and datasets; a source has its own")
    return given  # type: ignore[return-value]  # `_is_source` has looked


def _layers(given: Given, join: Join | None, files: list[str] | None) -> GeoDataset | None:
    """Folders and files over one another, where these are to be joined band beside band; else None.

    Raises:
        ConfigError: there is no such join, or it does not go with what is given.
    """
    if join is None:
        return None
    if join not in get_args(Join):
        raise ConfigError(f"join is {join!r}{suggest(join, get_args(Join))}")
    if files is not None:
        return None
    several = isinstance(given, Sequence) and not isinstance(given, str)
    if join == "bands" and several:
        return join_layers([str(path) for path in given])  # type: ignore[union-attr]
    raise ConfigError(
        f"join {join} is of several raster files; leave it out for a folder, a dataset or a source"
    )


def _refuse(wrong: bool, name: str, why: str) -> None:
    if wrong:
        raise ConfigError(f"{name} {why}")


def _is_source(given: object) -> bool:
    return all(hasattr(given, name) for name in ("grid", "bands", "identity", "read"))


def raster_files(given: Given) -> list[str] | None:
    """Their paths, where all that is given are single raster files."""
    if isinstance(given, str | Path):
        return [str(given)] if is_raster_file(given) else None
    if isinstance(given, Sequence) and not isinstance(given, str):
        named = list(given)
        if not named:
            raise ConfigError("no file is given to make a map from; give at least one")
        if all(isinstance(file, str | Path) and is_raster_file(file) for file in named):
            return [str(file) for file in named]
    return None


def file_source(header: Header, nodata: float | None, choice: GridChoice) -> FileSource:
    """One file, on its own pixels or on those of choice."""
    onto = choice.on([_region(header)], header.uri) if choice.is_given else None
    return FileSource(header, nodata, onto)


def _region(header: Header) -> Region:
    return Region.of_frame(header.grid, ALWAYS, name=header.uri)


def _joined(
    headers: tuple[Header, ...],
    join: Join,
    nodata: float | None,
    choice: GridChoice,
    dates: Dates,
) -> Source:
    """Several files on the lattice of the first, or on the grid of choice."""
    if join != "mosaic":
        shares_covered(headers)
    shown = headers if join == "mosaic" else headers[:1]
    grid = enclosing_grid(headers[0].grid, [header.grid for header in shown])
    if choice.is_given:
        grid = choice.on([_region(header) for header in shown], headers[0].uri)
    if join == "mosaic":
        return MosaicFiles(headers, grid, nodata)
    if join == "dates" and dates != 1:
        return DatedFiles(headers, grid, nodata, times=_times(headers))
    names = names_of_bands(headers) if join == "bands" else names_of_dates(headers)
    return StackedFiles(headers, grid, nodata, names=tuple(names), join=join)


def _times(headers: Sequence[Header]) -> tuple[float, ...]:
    """The middle of the day that each file's name gives; NaN for all where one gives none.

    Raises:
        ConfigError: the files are not in the order of time.
    """
    days = [_day(Path(header.uri).name) for header in headers]
    known = [day for day in days if day is not None]
    if len(known) < len(days):
        log.warning(
            "the names of %d of %d files give no date, such as 20190705: the network does not know when",
            len(days) - len(known),
            len(days),
        )
        return (math.nan,) * len(days)
    times = tuple(day.middle.timestamp() for day in known)
    if list(times) != sorted(times):
        raise ConfigError(
            f"the files are of {', '.join(f'{day.start:%Y-%m-%d}' for day in known)}; give them from the "
            "oldest date to the newest"
        )
    return times


def _day(name: str) -> Interval | None:
    for year, month, day in _DATE.findall(name):
        try:
            return Interval.of(f"{year}-{month}-{day}")
        except IntervalError:
            continue
    return None


def opened_dataset(given: Given, nodata: float | None, assume_crs: str | None) -> GeoDataset:
    """The dataset that a folder, a pattern, a catalogue or files of one sensor are.

    Raises:
        ConfigError: options do not go with it, or nothing says how several files belong together.
    """
    _refuse(
        assume_crs is not None,
        "assume_crs",
        "is of raster files; open a folder as RasterDataset(folder, assume_crs=...)",
    )
    if isinstance(given, GeoDataset):
        _refuse(nodata is not None, "nodata", "is of files; give it when the dataset is made")
        return given
    files = raster_files(given)
    if files is not None:
        return _of_sensor(files, nodata)
    named = [given] if isinstance(given, str | Path) else given
    if not isinstance(named, Sequence):
        raise ConfigError(f"{given!r:.200} has no scenes; give files, a folder or a dataset")
    paths = [str(path) for path in named]
    vectors = [path for path in paths if Path(path).suffix.lower() in VECTOR_SUFFIXES]
    if vectors and not are_stac(paths):  # whose items and tables have the same endings
        raise DatasetError(f"{vectors[0]} is a vector layer, and a map is made from rasters")
    opened = open_dataset(paths, is_image=True, nodata=nodata)
    assert isinstance(opened, GeoDataset)  # as it is wherever is_image is given
    return opened


def _of_sensor(files: list[str], nodata: float | None) -> GeoDataset:
    """Several files whose names tell how they belong together.

    Raises:
        ConfigError: they do not.
    """
    sensor = sensor_of(files)
    if sensor is RasterDataset:
        named = ", ".join(Path(file).name for file in files[:3])
        raise ConfigError(
            f"{len(files)} files are given ({named}{', ...' if len(files) > 3 else ''}), and their names are "
            "those of no sensor that is known: say what they are, --join bands (the bands of one scene), "
            "--join mosaic (side by side) or --join dates (one place at several dates); in Python "
            "join='bands', 'mosaic' or 'dates'"
        )
    bands = None
    if sensor.separate_files:
        naming = Naming(sensor.filename_glob, sensor.filename_regex, sensor.date_format, True)
        present = {name.band for file in files if (name := naming.parse(file)) is not None}
        known = [b if isinstance(b, str) else b.name for b in sensor.all_bands]
        known += [band.name for band in sensor.extra_bands]
        bands = [name for name in known if name in present]
    log.info("%d files opened as %s", len(files), sensor.__name__)
    return sensor(files, bands=bands, nodata=nodata)


def _of_dataset(
    dataset: GeoDataset, when: Interval, choice: GridChoice, dates: Dates
) -> DatasetSource:
    """A dataset during an interval; the series of its dates for a model that sees several."""
    if dates != 1 and "image" in dataset.layers and not is_series(dataset):
        dataset = dataset.series(EveryDate(None if dates == "any" else dates), min_dates=1)
    return DatasetSource.of(dataset, Query(_grid(dataset, when, choice), when))


def _grid(dataset: GeoDataset, when: Interval, choice: GridChoice) -> GeoBox:
    near = [region for region in dataset.regions if region.during(when) is not None]
    if not near:
        raise ConfigError(
            f"{dataset!r} holds nothing during {when}: its data is of {dataset.interval}; choose another "
            "time (--when, when=)"
        )
    return choice.on(near, repr(dataset))
