"""Tropical cyclones: the speed of their winds, from infrared pictures."""

from __future__ import annotations

from ...core.bands import Band
from ...core.outputs import ValueOutputs
from ..benchmarks.declaration import Benchmark, RemoteFile
from ..benchmarks.tables import TableLayout
from ..samples.pictures import Pictures

_TABLES = {
    split: (f"{stem}_features.csv", f"{stem}_labels.csv")
    for split, stem in (("train", "training_set"), ("test", "test_set"))
}

BENCHMARK = Benchmark(
    name="TropicalCyclone",
    about="the speed of a tropical storm's winds, on infrared pictures of the GOES satellites",
    files=tuple(
        RemoteFile(name, None, splits=(split,))
        for split, tables in _TABLES.items()
        for name in (split, *tables)
    ),
    layout=TableLayout(
        _TABLES,
        file="{split}/{Image ID}.jpg",
        answer="Wind Speed",
        key="value",
        columns={"storm": "Storm ID", "relative_time": "Relative Time", "ocean": "Ocean"},
    ),
    # Grey pictures may be stored as three equal channels.
    image=Pictures((Band("infrared", "thermal", 10.3),), channels=(0,)),
    outputs=ValueOutputs(("wind speed",), ("knots",), per="image"),
    samples=114_634,
    size=(366, 366),
    home="https://www.drivendata.org/competitions/72/predict-wind-speeds",
    citation="Maskey et al. 2020, IEEE JSTARS 13, doi 10.1109/JSTARS.2020.3011907",
    licence="CC BY 4.0",
    note=(
        "One storm may be in both splits, its later pictures in the test split. Columns of the table: storm, "
        "relative_time (seconds since the storm began), ocean (1 Atlantic, 2 eastern Pacific)"
    ),
    by_hand=(
        "copy the folder by `azcopy copy "
        '"https://radiantearth.blob.core.windows.net/mlhub/nasa-tropical-storm-challenge/*" DIR --recursive`'
    ),
)
