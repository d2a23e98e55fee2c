"""The pieces that the declaration of a dataset (`Benchmark`) is made of, in one place. Loads no torch."""

from __future__ import annotations

from ..core.bands.band import Band
from ..core.classes import Classes
from ..core.outputs import BoxOutputs, ClassOutputs, ValueOutputs
from .benchmarks.class_folders import ClassFolderLayout
from .benchmarks.coco import CocoLayout, with_coco
from .benchmarks.dated import DatedLayout
from .benchmarks.declaration import RGB, Choice, RemoteFile, SplitFiles
from .benchmarks.function import FunctionLayout
from .benchmarks.hdf5 import Hdf5Layout
from .benchmarks.patterns import PatternLayout
from .benchmarks.tables import TableLayout
from .benchmarks.tiles import TileLayout, chip_sizes, through
from .samples.audio import Audio
from .samples.boxes import Boxes
from .samples.burnt import BurntAreas
from .samples.footprints import Footprints
from .samples.hdf5_rows import Hdf5Rows
from .samples.listing import Listing
from .samples.masks import Codes, Colors, Masks
from .samples.pictures import Pictures
from .samples.stacks import BandStack, DateStack
from .samples.values import PixelValues
from .samples.windows import Windows

__all__ = [
    "RGB",
    "Audio",
    "Band",
    "BandStack",
    "BoxOutputs",
    "Boxes",
    "BurntAreas",
    "Choice",
    "ClassFolderLayout",
    "ClassOutputs",
    "Classes",
    "CocoLayout",
    "Codes",
    "Colors",
    "DateStack",
    "DatedLayout",
    "Footprints",
    "FunctionLayout",
    "Hdf5Layout",
    "Hdf5Rows",
    "Listing",
    "Masks",
    "PatternLayout",
    "Pictures",
    "PixelValues",
    "RemoteFile",
    "SplitFiles",
    "TableLayout",
    "TileLayout",
    "ValueOutputs",
    "Windows",
    "chip_sizes",
    "through",
    "with_coco",
]
