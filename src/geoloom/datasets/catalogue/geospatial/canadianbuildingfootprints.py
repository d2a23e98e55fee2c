"""Outlines of buildings in Canada."""

from __future__ import annotations

from ....core.bands import Band
from ....core.classes import Classes
from ....core.outputs import ClassOutputs
from ...benchmarks.declaration import RemoteFile
from ...benchmarks.layer import GeoLayer

_HOME = "https://usbuildingdata.blob.core.windows.net/canadian-buildings-v2/"
_MD5 = {
    "Alberta": "8b4190424e57bb0902bd8ecb95a9235b",
    "BritishColumbia": "fea05d6eb0006710729c675de63db839",
    "Manitoba": "adf11187362624d68f9c69aaa693c46f",
    "NewBrunswick": "44269d4ec89521735389ef9752ee8642",
    "NewfoundlandAndLabrador": "65dd92b1f3f5f7222ae5edfad616d266",
    "NorthwestTerritories": "346d70a682b95b451b81b47f660fd0e2",
    "NovaScotia": "bd57cb1a7822d72610215fca20a12602",
    "Nunavut": "c1f29b73cdff9a6a9dd7d086b31ef2cf",
    "Ontario": "76ba4b7059c5717989ce34977cad42b2",
    "PrinceEdwardIsland": "2e4a3fa47b3558503e61572c59ac5963",
    "Quebec": "9ff4417ae00354d39a0cf193c8df592c",
    "Saskatchewan": "a51078d8e60082c7d3a3818240da6dd5",
    "YukonTerritory": "c11f3bd914ecabd7cac2cb2871ec0261",
}

LAYER = GeoLayer(
    name="CanadianBuildingFootprints",
    about="outlines of 12 million buildings in Canada, province by province",
    opened_by="geoloom.datasets.sensors.canadian_buildings:CanadianBuildingFootprints",
    files=tuple(
        RemoteFile(
            f"{province}.zip",
            f"{_HOME}{province}.zip",
            f"md5:{md5}",
            gives=f"{province}.geojson",
            part=province,
        )
        for province, md5 in _MD5.items()
    ),
    bands=(Band("class", "class"),),
    outputs=ClassOutputs(Classes.of(["no building", "building"], [0, 1])),
    home="https://github.com/Microsoft/CanadianBuildingFootprints",
    citation="Microsoft, Canadian Building Footprints",
    licence="ODbL-1.0",
)
