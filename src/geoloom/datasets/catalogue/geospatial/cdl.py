"""Cropland Data Layer: yearly crop maps of the conterminous United States."""

from __future__ import annotations

from ....core.classes import Classes
from ....core.outputs import ClassOutputs
from ...benchmarks.declaration import RemoteFile
from ...benchmarks.layer import GeoLayer
from ...sensors.cdl_classes import CDL_BANDS, CDL_CLASSES

_MD5 = {
    2024: "841cd0cb8d4a9129cb1e4cfa0e40c286",
    2023: "8c7685d6278d50c554f934b16a6076b7",
    2022: "754cf50670cdfee511937554785de3e6",
    2021: "27606eab08fe975aa138baad3e5dfcd8",
    2020: "483ee48c503aa81b684225179b402d42",
    2019: "a5168a2fc93acbeaa93e24eee3d8c696",
    2018: "4ad0d7802a9bb751685eb239b0fa8609",
    2017: "d173f942a70f94622f9b8290e7548684",
    2016: "fddc5dff0bccc617d70a12864c993e51",
    2015: "2e92038ab62ba75e1687f60eecbdd055",
    2014: "50bdf9da84ebd0457ddd9e0bf9bbcc1f",
    2013: "7be66c650416dc7c4a945dd7fd93c5b7",
    2012: "286504ff0512e9fe1a1975c635a1bec2",
    2011: "517bad1a99beec45d90abb651fb1f0e3",
    2010: "98d354c5a62c9e3e40ccadce265c721c",
    2009: "663c8a5fdd92ebfc0d6bee008586d19a",
    2008: "0610f2f17ab60a9fbb3baeb7543993a4",
}


def _archive(year: int) -> RemoteFile:
    name = f"{year}_30m_cdls"
    return RemoteFile(
        f"{name}.zip",
        f"https://www.nass.usda.gov/Research_and_Science/Cropland/Release/datasets/{name}.zip",
        f"md5:{_MD5[year]}",
        gives=f"{name}.tif",
        part=str(year),
    )


LAYER = GeoLayer(
    name="CDL",
    about="crops and land cover of the conterminous USA, year by year, 30 m",
    opened_by="geoloom.datasets.sensors.cdl:CDL",
    files=tuple(map(_archive, _MD5)),
    bands=CDL_BANDS,
    outputs=ClassOutputs(Classes.from_legend(CDL_CLASSES)),
    home="https://www.nass.usda.gov/Research_and_Science/Cropland/SARS1a.php",
    citation="USDA National Agricultural Statistics Service, Cropland Data Layer",
    licence="public domain",
    note="Masks hold the product's codes; classes=[...] chooses some, by codes 1, 2, ...",
)
