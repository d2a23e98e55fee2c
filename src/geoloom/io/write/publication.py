"""How a raster and the files that describe it come to their names."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from ...core.files import scratch_path
from ...core.publish import publish
from . import sidecar

log = logging.getLogger(__name__)

_OF_ONE_FILE = (".ovr", ".msk")
"""What GDAL reads as overviews and mask of the TIFF of that name, whichever TIFF that is."""


def publish_raster(
    made: Path, path: Path, names: Mapping[int, str], colors: Mapping[int, sidecar.Rgba]
) -> None:
    """Give a finished raster its name, and lay its class names and its style beside it.

    No moment leaves a raster beside names or colours that are not its own, for a kill at any of them leaves
    what is there. No file system renames several files at once, so the order has to see to it:

    1. Files beside the old raster that would say something else of the new one go first. The old raster then
       stands without them, and has its names and colours still: the TIFF itself holds both.
    2. Where there was no raster, what describes the new one comes before it, and describes nothing until
       then: the raster is the last to appear. Where there was one, it is replaced first.

    Files that would be written as they stand are left alone: when a map is made again with the same classes,
    which is usual, names and style are there throughout.

    Args:
        made: The finished file, in the same folder.
        path: Its name to be; the caller holds it.
        names: Class name by code; without any, nothing is written beside the raster.
        colors: Code -> (red, green, blue, alpha).
    """
    texts = _texts(path, names, colors)
    for stale in _stale(path, texts):
        stale.unlink(missing_ok=True)
    replaced = path.exists()
    if replaced:
        publish(made, path)
    for target, text in texts.items():
        if not target.exists():
            partial = scratch_path(path, target.suffix)
            partial.write_text(text, encoding="utf-8")
            publish(partial, target)
    if not replaced:
        publish(made, path)


def _texts(
    path: Path, names: Mapping[int, str], colors: Mapping[int, sidecar.Rgba]
) -> dict[Path, str]:
    if not names:
        return {}
    texts = {sidecar.aux_path(path): sidecar.aux_xml(names, colors)}
    qml = sidecar.qml_path(path)
    if qml.exists() and not sidecar.is_our_qml(qml):
        log.warning(
            "%s was not written by geoloom and stays: QGIS will draw %s by it", qml, path.name
        )
    else:
        texts[qml] = sidecar.raster_qml(names, colors)
    return texts


def _stale(path: Path, texts: Mapping[Path, str]) -> list[Path]:
    """Files beside the raster that are not what will be written there."""
    own = [sidecar.aux_path(path), *(path.with_name(path.name + end) for end in _OF_ONE_FILE)]
    qml = sidecar.qml_path(path)
    # A style may be another layer's of the same name, or drawn up by hand.
    if qml.exists() and sidecar.is_our_qml(qml):
        own.append(qml)
    return [
        file
        for file in own
        if file.exists() and (file not in texts or file.read_bytes() != texts[file].encode())
    ]
