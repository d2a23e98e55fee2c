"""Scenes whose footprints are outlines of what was observed."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import shapely
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from ...core.errors import ReadError
from ...core.outline import to_lonlat
from ...core.progress import Progress
from ...core.query import Scene
from ...io.headers.scan import OnError, report_left_out
from ...io.outlines import observed_outline
from .located import header_of

log = logging.getLogger(__name__)


def with_observed_footprints(
    scenes: Sequence[Scene],
    *,
    nodata: float | None = None,
    crs: str | None = None,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> tuple[Scene, ...]:
    """The scenes with footprints around the observed pixels of their first bands; see `observed_outline`.

    A scene without any has an empty one. One that reaches a pole keeps that of its grid.

    Args:
        scenes: As they were scanned.
        nodata: Stored value that means unobserved, instead of what files and providers say.
        crs: Instead of the files' own.
        on_error: `skip` leaves out scenes whose pixels cannot be read, and the log says how many.
        progress: Called with (scenes looked at, scenes in all).
    """

    def outlined(scene: Scene) -> Scene | ReadError:
        try:
            return replace(scene, footprint=_footprint(scene, nodata, crs))
        except ReadError as error:
            if on_error == "raise":
                raise
            return error

    began = time.perf_counter()
    with_outlines: list[Scene] = []
    unreadable: list[ReadError] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for scene in pool.map(outlined, scenes):
            if isinstance(scene, ReadError):
                unreadable.append(scene)
            else:
                with_outlines.append(scene)
            if progress is not None:
                progress(len(with_outlines) + len(unreadable), len(scenes))
    report_left_out(unreadable, len(scenes), "scenes")
    empty = [scene.name for scene in with_outlines if scene.footprint.is_empty]
    if empty:
        log.warning(
            "%d of %d scenes hold no observed pixel, such as %s",
            len(empty),
            len(with_outlines),
            empty[0],
        )
    seconds = max(time.perf_counter() - began, 1e-9)
    log.info("%d scenes outlined: %.1f scenes/s", len(with_outlines), len(with_outlines) / seconds)
    return tuple(with_outlines)


def _footprint(scene: Scene, nodata: float | None, crs: str | None) -> BaseGeometry:
    _, south, _, north = scene.footprint.bounds
    if max(-south, north) >= 90:
        return scene.footprint
    header = header_of(scene.assets[0], crs)
    own = nodata if nodata is not None else scene.bands[0].nodata
    outline = observed_outline(header, scene.assets[0].index, nodata=own)
    if outline.is_empty:
        return shapely.Polygon()
    a, b, c, d, e, f = header.grid.affine[:6]
    return to_lonlat(affine_transform(outline, (a, b, d, e, c, f)), header.grid.crs)
