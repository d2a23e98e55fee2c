"""The files of scenes, which must lie where they were found."""

from __future__ import annotations

from odc.geo.geobox import GeoBox

from ...core.errors import ReadError
from ...core.grid import crs_name
from ...core.query import Asset
from ...io.access.remote import without_query
from ...io.headers.header import Header, read_header


def header_of(asset: Asset, crs: str | None) -> Header:
    """The header of a file of a scene, which must lie where it lay when it was found.

    Raises:
        ReadError: it cannot be read, or lies on another grid by now; the message names both.
    """
    header = read_header(asset.uri, crs=crs, measured=asset.measured)
    if asset.grid is not None and header.grid != asset.grid:
        raise ReadError(
            f"{without_query(asset.uri)} was replaced by a file on another grid after the dataset was made: "
            f"it was {_described(asset.grid)}, and is {_described(header.grid)}; make the dataset again"
        )
    require_band(header, asset)
    return header


def require_band(header: Header, asset: Asset) -> None:
    """See that a file still holds the band of a scene that was found in it.

    Raises:
        ReadError: it holds fewer bands by now.
    """
    if asset.index > header.count:
        raise ReadError(
            f"{without_query(asset.uri)} was replaced by a file of other bands after the dataset was made: "
            f"its band {asset.index} is requested, and it has {header.count}; make the dataset again"
        )


def _described(grid: GeoBox) -> str:
    a, b, c, d, e, f = grid.affine[:6]
    turned = f", rows and columns turned by {b:g} and {d:g}" if b or d else ""
    height, width = grid.shape
    return (
        f"{height} x {width} pixels of {a:g} x {e:g}{turned} from ({c:.10g}, {f:.10g}) in "
        f"{crs_name(grid.crs)[:40]}"
    )
