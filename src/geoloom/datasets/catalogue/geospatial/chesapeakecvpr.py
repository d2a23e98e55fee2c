"""Chesapeake CVPR: tiles of aerial photographs, Landsat and land cover."""

from __future__ import annotations

from ....core.classes import Classes
from ....core.outputs import ClassOutputs
from ...benchmarks.declaration import RemoteFile
from ...benchmarks.layer import GeoLayer
from ...sensors.chesapeake_cvpr_layers import LAND_COVER, SPLITS
from ...sensors.naip_bands import NAIP_BANDS

_PRIOR = "cvpr_chesapeake_landcover_prior_extension.zip"

LAYER = GeoLayer(
    name="ChesapeakeCVPR",
    about="tiles of aerial photographs, Landsat and land cover around the Chesapeake Bay, 1 m",
    opened_by="geoloom.datasets.sensors.chesapeake_cvpr:ChesapeakeCVPR",
    files=(
        RemoteFile(
            "cvpr_chesapeake_landcover.zip",
            "https://lilawildlife.blob.core.windows.net/lila-wildlife/lcmcvpr2019/cvpr_chesapeake_landcover.zip",
            "md5:1225ccbb9590e9396875f221e5031514",
            gives="spatial_index.geojson",
            part="base",
        ),
        RemoteFile(
            _PRIOR,
            f"https://zenodo.org/records/5866525/files/{_PRIOR}?download=1",
            "md5:402f41d07823c8faf7ea6960d7c4e17a",
            gives=f".{_PRIOR}.unpacked.json",  # its rasters lie among those of the tiles
            part="prior",
        ),
    ),
    bands=NAIP_BANDS,
    outputs=ClassOutputs(Classes.from_legend(LAND_COVER)),
    splits=SPLITS,
    home="https://lila.science/datasets/chesapeakelandcover",
    citation="Robinson et al. 2019, CVPR, Large Scale High-Resolution Land Cover Mapping",
    note=(
        "Seven layers a tile and an extension; the names of the classes of lc are not settled, and code 0 is "
        "none of them"
    ),
)
