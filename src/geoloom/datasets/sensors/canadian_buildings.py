"""Outlines of buildings in Canada, found by Microsoft on images from the air and from space.

Source: Microsoft, Canadian Building Footprints, https://github.com/Microsoft/CanadianBuildingFootprints.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from odc.geo.crs import CRS

from ...core.errors import DatasetError, suggest
from ...core.suffixes import VECTOR_SUFFIXES
from ...io.access.finding import Paths, matching_names, where
from ...io.access.naming import Naming
from ..base import Transform
from ..benchmarks.layer_files import bring_parts, require_parts
from ..benchmarks.listing import get_layer
from ..options import given_paths, require_flags
from ..vector import LayerFile, VectorDataset

_LAYER = "canadianbuildingfootprints"


class CanadianBuildingFootprints(VectorDataset):
    """Buildings, code 1, province by province; other pixels have code 0.

    Args:
        paths: The folder of the provinces' files, or files.
        crs: CRS of the grid on which the layer alone is sampled. Default: degrees, as the files.
        res: Pixel size of that grid, in its CRS's units. Default: about 1 m.
        transforms: What is done to each sample.
        root: Another name for `paths`.
        provinces: Those wanted, such as `PrinceEdwardIsland`. Default: all that are there.
        download: Fetch the provinces named that are missing, and unpack them.
        checksum: Compare the archives that are there with their checksums.
        all_touched: Burn every pixel that an outline touches, not only those whose centre it holds.
        background: Name of the class of pixels without a building; None: they are not labelled.

    Raises:
        DatasetError: a province is unknown or missing; the message says how to get it.
        ReadError: a file is damaged or another one, or cannot be fetched.
    """

    filename_glob = "*.geojson"

    def __init__(
        self,
        paths: Paths | None = None,
        crs: str | CRS | None = None,
        res: float | tuple[float, float] = 1e-5,
        transforms: Transform | None = None,
        *,
        root: Paths | None = None,
        provinces: Sequence[str] | None = None,
        download: bool = False,
        checksum: bool = False,
        all_touched: bool = False,
        background: str | None = "no building",
    ) -> None:
        require_flags(download=download, checksum=checksum)
        given = given_paths(paths, root)
        known = get_layer(_LAYER).parts
        wanted = _provinces(provinces, known)
        bring_parts(_LAYER, given, wanted, may_download=download, check=checksum)
        if wanted:
            require_parts(type(self).__name__, _LAYER, wanted, self._there(given), where(given))
        super().__init__(
            given,
            crs,
            res,
            transforms,
            filename_regex=rf"^(?:{'|'.join(wanted or known)})\.geojson$",
            all_touched=all_touched,
            background=background,
        )

    def _there(self, paths: Sequence[str]) -> set[str]:
        with suppress(DatasetError):  # nothing at all is there
            names = matching_names(paths, Naming(self.filename_glob), VECTOR_SUFFIXES)
            return {Path(name.uri).stem for name in names}
        return set()

    def _load(self) -> tuple[LayerFile, ...]:
        return tuple(
            replace(file, features=replace(file.features, class_names={1: "building"}))
            for file in super()._load()
        )


def _provinces(provinces: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """Those wanted, each once; none where all are."""
    if provinces is None:
        return ()
    if isinstance(provinces, str) or not isinstance(provinces, Sequence) or not provinces:
        raise DatasetError(f"provinces is {provinces!r}; give a list of some of {', '.join(known)}")
    for province in provinces:
        if province not in known:
            raise DatasetError(f"Canada has no province {province!r}{suggest(province, known)}")
    return tuple(dict.fromkeys(provinces))
