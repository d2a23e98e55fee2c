"""The settings of an export: declared here alone, checked before any work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict, get_args

from ...core.errors import ConfigError
from ...core.settings.checks import check_choice, check_whole

Format = Literal["onnx", "deepness", "torch", "mlm"]
"""`onnx`; `deepness`, an ONNX file that the QGIS plugin of this name opens; `torch`, a program of
`torch.export`; `mlm`, a STAC item with the Machine Learning Model extension, and the file it describes."""

ENDINGS: dict[str, Format] = {".onnx": "onnx", ".pt2": "torch", ".json": "mlm"}
"""By which a format is known where none is given."""

_ENDING_OF = {"onnx": ".onnx", "deepness": ".onnx", "torch": ".pt2", "mlm": ".json"}
_MOST_PX = 4096
"""Side of a tile: a graph of one size is tried with it, all bands of several tiles at once."""
_MOST_DATES = 10_000


@dataclass(frozen=True, slots=True)
class ExportConfig:
    """What kind of file a model becomes, and what it shall take.

    Raises:
        ConfigError: a value cannot be, or two do not go together; the message names the setting.

    Example:
        >>> ExportConfig().format_of(Path("model.pt2"))
        'torch'
    """

    format: Format | None = None
    """`onnx`, `deepness`, `torch` or `mlm`; None goes by the ending: `.onnx`, `.pt2` or `.json`."""
    tile_size: int | None = None
    """Side of the tiles that the file takes, and no others, pixels. None: any height and width, where the
    network's graph allows it; for `deepness`, which needs one size, that of the training chips."""
    dates: int | None = None
    """Of a network over series: how many dates the file takes, and no others. None: as many as the network
    was built for, or any number, where its graph allows it."""
    file: Path | None = None
    """Of `mlm`: the file that the item describes, `*.onnx` or `*.pt2`. An export of the model is described as
    it is; one that is not there is made. None: an ONNX file of the item's name beside it."""

    def __post_init__(self) -> None:
        check_choice(self, {"format": get_args(Format)})
        check_whole(self, {"tile_size": (1, _MOST_PX)}, " px")
        check_whole(self, {"dates": (1, _MOST_DATES)})
        if self.file is not None:
            object.__setattr__(self, "file", Path(self.file))  # frozen
            if ENDINGS.get(self.file.suffix.lower()) not in ("onnx", "torch"):
                raise ConfigError(f"file is {self.file}; give a name that ends in .onnx or .pt2")

    def format_of(self, out: Path) -> Format:
        """The format, given or by the ending of the product's name.

        Raises:
            ConfigError: none is given and the ending says nothing, the ending says another one, or `file` is
                given with a format that has none.
        """
        by_ending = ENDINGS.get(out.suffix.lower())
        chosen = self.format or by_ending
        if chosen is None:
            raise ConfigError(
                f"{out.name or out} does not say what it shall be; name it *.onnx, *.pt2 or *.json"
            )
        if out.suffix.lower() != _ENDING_OF[chosen]:
            raise ConfigError(
                f"{out} is named unlike a file of format {chosen}; name it *{_ENDING_OF[chosen]}"
            )
        if self.file is not None and chosen != "mlm":
            raise ConfigError(
                f"file is {self.file}, and format {chosen} describes no other file; give format='mlm' "
                "(--format mlm), or leave file (--file) out"
            )
        return chosen

    def described(self, out: Path) -> Path | None:
        """The file that an item describes; None where the product is none. Raises as `format_of`."""
        if self.format_of(out) != "mlm":
            return None
        return self.file or out.with_suffix(".onnx")


class ExportSettings(TypedDict, total=False):
    """The fields of `ExportConfig` as arguments by name; a test compares the two."""

    format: Format | None
    tile_size: int | None
    dates: int | None
    file: Path | None
