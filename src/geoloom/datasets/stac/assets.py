"""What an item says about its assets: which bands they hold and what they are for.

Source: STAC 1.0 and 1.1 (`bands`, common metadata), and the extensions eo, raster and classification.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from ...core.bands import Band, Role, unit_of
from ...core.errors import DatasetError
from ...io.access.finding import RASTER_SUFFIXES
from .json_values import MOST_BANDS, number, records, text, texts

_ROLES: Mapping[str, Role] = {
    "coastal": "coastal",
    "blue": "blue",
    "green": "green",
    "red": "red",
    "rededge071": "rededge1",
    "rededge075": "rededge2",
    "rededge078": "rededge3",
    "nir": "nir",
    "nir08": "nir08",
    "nir09": "nir09",
    "cirrus": "cirrus",
    "swir16": "swir1",
    "swir22": "swir2",
    "pan": "pan",
    "lwir": "thermal",
    "lwir11": "thermal",
    "lwir12": "thermal2",
}
"""The eo extension's common names -> what a band measures."""
_RED_EDGES: tuple[tuple[float, Role], ...] = (
    (0.72, "rededge1"),
    (0.76, "rededge2"),
    (0.80, "rededge3"),
)
"""`rededge` alone names three bands: the centre wavelength, micrometres, decides which, below each limit."""
_NO_DATA = frozenset({"thumbnail", "overview", "visual", "metadata"})
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
_RASTERS = (
    "image/tiff",
    "image/jp2",
    "image/vnd.stac.geotiff",
    "application/x-hdf",
    "application/netcdf",
)
_DTYPES = frozenset(
    {f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)} | {"float32", "float64"}
)
"""STAC's names of real types that are numpy's, too."""
_ITEMS_OWN = ("href", "title", "description", "alternate", "created", "updated")
"""What differs between items and says nothing of the bands; so do the fields of these extensions:"""
_ITEMS_OWN_PREFIXES = ("proj:", "file:", "checksum:", "statistics", "storage:", "auth:")


@dataclass(frozen=True, slots=True)
class AssetBand:
    """One band of an asset."""

    band: Band
    """Named as the asset where that holds it alone, else by its own name."""
    names: tuple[str, ...]
    """What it is also called: its own name, its common name."""
    dtype: str | None = None
    """In which its values are stored, as numpy names it; None where the item does not say it."""


@dataclass(frozen=True, slots=True)
class AssetKind:
    """What an asset is, in every item that describes it alike."""

    key: str
    """Its name in the item."""
    bands: tuple[AssetBand, ...]
    """In file order; none where the item does not say which there are."""
    is_data: bool
    """Whether its roles say that it is for measuring."""
    is_raster: bool
    """Whether it seems to be a raster that holds more than a picture of the data."""
    optimised: bool
    """Whether it is declared a cloud-optimised GeoTIFF."""


def asset_kind(
    key: str, asset: Mapping[str, Any], gsd_m: float | None = None, whose: str = "an item"
) -> AssetKind:
    """What an asset is.

    Args:
        key: Its name in the item.
        asset: As the item has it.
        gsd_m: Ground sample distance of the item, where the asset names none.
        whose: The item, for messages.

    Raises:
        DatasetError: it has a value of the wrong kind; the message names the field.
    """
    own = {name: value for name, value in asset.items() if not is_items_own(name)}
    suffix = PurePosixPath(str(asset.get("href", "")).partition("?")[0]).suffix.lower()
    try:
        return _asset_kind(key, json.dumps(own, sort_keys=True, default=str), suffix, gsd_m)
    except _WrongKindError as error:
        raise DatasetError(f"{error} in {whose}") from error


def is_items_own(name: str) -> bool:
    """Whether a field of an asset concerns this item alone, and not its bands."""
    return name in _ITEMS_OWN or name.startswith(_ITEMS_OWN_PREFIXES)


@lru_cache(maxsize=4096)
def _asset_kind(key: str, fields: str, suffix: str, gsd_m: float | None) -> AssetKind:
    asset, whose = json.loads(fields), f"asset {key!r}"
    try:
        return _kind(key, asset, suffix, gsd_m, whose)
    except DatasetError as error:  # of a text that may be that of many items
        raise _WrongKindError(str(error)) from error


class _WrongKindError(Exception):
    """An asset has a value of the wrong kind."""


def _kind(
    key: str, asset: Mapping[str, Any], suffix: str, gsd_m: float | None, whose: str
) -> AssetKind:
    roles = frozenset(texts(asset.get("roles"), "roles", whose))
    media = str(asset.get("type") or "").lower()
    raster = media.startswith(_RASTERS) if media else suffix in RASTER_SUFFIXES - _PICTURES
    return AssetKind(
        key=key,
        bands=_bands(key, asset, number(asset.get("gsd"), "gsd", whose) or gsd_m, whose),
        is_data="data" in roles and not roles & _NO_DATA,
        is_raster=raster and not roles & _NO_DATA,
        optimised="profile=cloud-optimized" in media.replace(" ", ""),
    )


def _bands(
    key: str, asset: Mapping[str, Any], gsd_m: float | None, whose: str
) -> tuple[AssetBand, ...]:
    """The bands of either version; 1.1 has them in `bands`, 1.0 in `eo:bands` and `raster:bands`."""
    lists = [
        records(asset.get(name), name, whose) for name in ("bands", "eo:bands", "raster:bands")
    ]
    count = max(map(len, lists))
    if count > MOST_BANDS:
        raise DatasetError(f"{whose} has {count:,} bands; a file has at most {MOST_BANDS:,}")
    if not count:
        return ()
    merged = [
        {k: v for fields in lists if i < len(fields) for k, v in _prefixed(fields[i]).items()}
        for i in range(count)
    ]
    shared = _prefixed({k: v for k, v in asset.items() if k not in ("bands", "roles", "type")})
    coded = _coded(asset)
    return tuple(
        _band(key, i, count, {**shared, **band}, gsd_m, _coded(band) or coded, whose)
        for i, band in enumerate(merged, 1)
    )


def _prefixed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by the names that STAC 1.0 has for them inside `eo:bands` and `raster:bands`."""
    return {name.removeprefix("eo:").removeprefix("raster:"): v for name, v in fields.items()}


def _coded(fields: Mapping[str, Any]) -> Role | None:
    """Whether values are classes or bits, which no resampling may mix."""
    if fields.get("classification:bitfields"):
        return "qa"
    return "class" if fields.get("classification:classes") else None


def _band(
    key: str,
    position: int,
    count: int,
    fields: Mapping[str, Any],
    gsd_m: float | None,
    coded: Role | None,
    whose: str,
) -> AssetBand:
    def read(field: str, default: Any = None, *, finite: bool = True) -> Any:
        value = number(fields.get(field), field, whose, finite=finite)
        return default if value is None else value

    own = text(fields.get("name"), "a band's name", whose)
    common = text(fields.get("common_name"), "a band's common name", whose)
    wavelength = read("center_wavelength")
    name = key if count == 1 else str(own or f"{key}_{position}")
    band = Band(
        name=name,
        role=coded or _role(common, wavelength),
        wavelength_um=wavelength,
        gsd_m=read("spatial_resolution") or gsd_m,
        unit=unit_of(text(fields.get("unit"), "a band's unit", whose)),
        scale=read("scale", 1.0),
        offset=read("offset", 0.0),
        nodata=read("nodata", finite=False),
    )
    names = tuple(dict.fromkeys(str(n) for n in (own, common) if n and n != name))
    dtype = fields.get("data_type")
    return AssetBand(band, names, dtype if isinstance(dtype, str) and dtype in _DTYPES else None)


def _role(common: str | None, wavelength_um: float | None) -> Role:
    if common == "rededge":
        below = (role for limit, role in _RED_EDGES if (wavelength_um or 9.0) < limit)
        return next(below, "other")
    return _ROLES.get(common or "", "other")


def data_assets(kinds: Iterable[AssetKind]) -> tuple[AssetKind, ...]:
    """The assets that are read where no band is named.

    Those whose role is `data`; where no asset has it, all rasters but pictures and metadata. Of assets with
    the same bands (such as a JPEG 2000 beside a cloud-optimised GeoTIFF) the optimised one, else the first.
    """
    known = tuple(kinds)
    chosen = [k for k in known if k.is_data and k.is_raster] or [k for k in known if k.is_raster]
    best: dict[Any, AssetKind] = {}
    for kind in chosen:
        own = tuple(band.names[:1] for band in kind.bands)
        same = own if own and all(own) else kind.key
        if same not in best or (kind.optimised and not best[same].optimised):
            best[same] = kind
    kept = set(map(id, best.values()))
    return tuple(kind for kind in chosen if id(kind) in kept)
