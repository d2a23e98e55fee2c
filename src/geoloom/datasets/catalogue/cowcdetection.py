"""COWC: patches of aerial pictures with a car in their middle, or none."""

from __future__ import annotations

from ...core.classes import Classes
from ...core.outputs import ClassOutputs
from ..benchmarks.declaration import RGB, Benchmark, RemoteFile
from ..benchmarks.tables import TableLayout
from ..samples.pictures import Pictures

PLACES = (
    "Toronto_ISPRS",
    "Selwyn_LINZ",
    "Potsdam_ISPRS",
    "Vaihingen_ISPRS",
    "Columbus_CSUAV_AFRL",
    "Utah_AGRC",
)
"""Of the pictures; each has an archive, which unpacks to a folder of this name."""

_HOME = "https://gdo152.llnl.gov/cowc/download/cowc/datasets/patch_sets/"


def files(part: str, train: str, test: str, *archives: str) -> tuple[RemoteFile, ...]:
    """The files of a part of COWC.

    Args:
        part: As its archives call it, such as `Detection`.
        train, test: Name of the list, a space, and its md5.
        archives: md5 of each place's archive.
    """
    home = f"{_HOME}{part.lower()}/"
    lists = [
        RemoteFile(f"{name}.bz2", f"{home}{name}.bz2", f"md5:{md5}", gives=name)
        for name, md5 in (train.split(), test.split())
    ]
    packed = [
        RemoteFile(name, f"{home}{name}", f"md5:{md5}", gives=place)
        for place, md5 in zip(PLACES, archives, strict=True)
        for name in [f"COWC_{part}_{place}.tbz"]
    ]
    return *lists, *packed


BENCHMARK = Benchmark(
    name="COWCDetection",
    about="whether a car is in the middle of a patch of an aerial picture, six places, 0.15 m",
    files=files(
        "Detection",
        "COWC_train_list_detection.txt c954a5a3dac08c220b10cfbeec83893c",
        "COWC_test_list_detection.txt c6c2d0a78f12a2ad88b286b724a57c1a",
        "11af24f43b198b0f13c8e94814008a48",
        "22fd37a86961010f5d519a7da0e1fc72",
        "bf053545cc1915d8b6597415b746fe48",
        "23945d5b22455450a938382ccc2a8b27",
        "f40522dc97bea41b10117d4a5b946a6f",
        "195da7c9443a939a468c9f232fd86ee3",
    ),
    layout=TableLayout(
        {split: (f"COWC_{split}_list_detection.txt",) for split in ("train", "test")},
        file="{file}",
        header=("file", "car"),
        separator=" ",
        answer="car",
        key="label",
        labels=2,
    ),
    image=Pictures(RGB),
    outputs=ClassOutputs(Classes.from_legend({0: "no car", 1: "car"}), per="image"),
    samples=388_435,
    home="https://gdo152.llnl.gov/cowc",
    citation="Mundhenk et al. 2016, ECCV, arXiv 1609.04453",
    licence="AGPL-3.0-only",
    note="388,435 is how many patches detection and counting are said to have together",
)
