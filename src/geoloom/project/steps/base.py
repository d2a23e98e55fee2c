"""What every step of the cycle has: settings, inputs, one product, and the work between them."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from ...core.errors import ConfigError, WriteError, suggest
from ...core.files import LONGEST_NAME, check_name
from ..listener import Listener

MOST_PX = 65_536
"""Side of a chip or tile: more fits into no memory."""
Pixels = Annotated[int, Field(gt=0, le=MOST_PX)]
BatchSize = Annotated[int, Field(gt=0, le=65_536)]


def _devices(value: object) -> int | str:
    if value == "auto":
        return "auto"
    if not str(value).isdecimal() or int(str(value)) < 1:
        raise ValueError("expected how many share the work, at least 1, or auto")
    return int(str(value))


Devices = Annotated[int | Literal["auto"], BeforeValidator(_devices)]
"""How many share the work, in one process each."""
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees; or left, bottom, right, top in the CRS that is given with it."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What numpy and Lightning take."""

CodeName = Annotated[int, Field(ge=0, le=255)]
"""A stored code that is given a name."""
ClassColor = Annotated[str, Field(pattern=r"^(#[0-9a-fA-F]{6}|transparent)$")]

_LONGEST_PATH = 4000
"""Characters; Linux takes 4,095 bytes."""


class Step(BaseModel, ABC):
    """One verb with its settings, the same for the command line and for a project file.

    A field is an argument or option of the verb, underscores for dashes. Making one checks types and ranges
    and touches no file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    verb: ClassVar[str]
    reads: ClassVar[tuple[str, ...]]
    """The settings that name input files."""
    incidental: ClassVar[frozenset[str]] = frozenset()
    """Settings that change how the work is done, not what comes of it; changing one repeats nothing."""

    resumable: ClassVar[bool] = False
    """Whether `perform` can go on with what an interrupted run left in the product's place."""

    goes_on: ClassVar[bool] = False
    """Whether the same command takes up what an interrupted one has done, without an option for it."""

    makes_folder: ClassVar[bool] = False
    """Whether the product is a folder."""

    def writes_folder(self) -> bool:
        """Whether the product is a folder, where that depends on the settings."""
        return self.makes_folder

    may_lie_in_inputs: ClassVar[bool] = False
    """Whether the product may lie inside a folder that the step reads: where it describes that folder."""

    @field_validator("*", mode="after")
    @classmethod
    def _usable_paths(cls, value: Any, info: ValidationInfo) -> Any:
        """Home folders written as `~`, and paths that no system takes refused with their setting."""
        if isinstance(value, Path):
            return usable(value, product=info.field_name == "out")
        return _usable_within(value)

    out: Path
    """The product: the file or folder that the step makes."""

    def inputs(self) -> tuple[tuple[str, Path], ...]:
        """(setting, path) of every file that the step reads."""
        # A trailing underscore keeps a setting off a Python name; users write it without.
        values = [(name.rstrip("_"), getattr(self, name)) for name in self.reads]
        return tuple(
            (name, path) for name, value in values for path in _listed(value) if path is not None
        )

    def going_on(self) -> str:
        """What follows an interruption of the step's own command: whether the work goes on, and how."""
        if self.resumable:
            return "the same command with --resume goes on after the last finished epoch"
        return f"the same command {'goes on where this one was' if self.goes_on else 'starts over'}"

    def also_written(self) -> tuple[Path, ...]:
        """Files that the step makes besides its product."""
        return ()

    def problems(self) -> Iterator[tuple[str, str]]:
        """(setting, what is wrong with it): what can be known before any work, beyond types and ranges."""
        yield from ()

    @abstractmethod
    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Do the work.

        Args:
            listener: Where progress is shown.
            overwrite: Replace a product that is there.
            resume: Go on with what an interrupted run of the same settings left, where the step can.

        Returns:
            What came of it: plain values, for the record and for `--json`.
        """

    def preview(self) -> tuple[dict[str, Any], str]:
        """What `perform` would do, as plain values and for people; nothing is written.

        Raises:
            ConfigError: the step cannot tell.
        """
        raise ConfigError(f"{self.verb} cannot tell beforehand what it will do")

    def sentence(self, result: dict[str, Any]) -> str:
        """What to report at the end."""
        return f"{self.out} is written"

    def settings(self) -> dict[str, Any]:
        """The settings as plain values, defaults included.

        Paths are relative to the product's folder, so that they mean the same wherever the command is called
        from and wherever the work is moved to as a whole.
        """
        values = self.model_dump(by_alias=True)
        return {name: _plain(value, self.out.parent) for name, value in values.items()}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The settings as users write them."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


def usable(path: Path, *, product: bool = False) -> Path:
    """A path that may name a file, with `~` as the user's home.

    Raises:
        ValueError: it is too long, holds a control character, or, for a product, names nothing.
    """
    if path.parts[:1] == ("~",):
        path = path.expanduser()
    text = str(path)
    if any(ord(letter) < 32 for letter in text):
        raise ValueError("a path holds no control characters; give a plain one")
    if len(text) > _LONGEST_PATH or any(
        len(os.fsencode(part)) > LONGEST_NAME for part in path.parts
    ):
        raise ValueError(f"names have at most {LONGEST_NAME} bytes, paths {_LONGEST_PATH}")
    if product:
        try:
            check_name(path)
        except WriteError as error:
            raise ValueError(str(error)) from None
    return path


def model_folder(setting: str, path: Path) -> Iterator[tuple[str, str]]:
    """A problem where something is there and is not a model folder."""
    if path.exists() and not (path / "model.json").is_file():
        yield setting, f"{path} is not a model folder: it has no model.json{_kind_of(path)}"


def known_model(setting: str, path: Path) -> Iterator[tuple[str, str]]:
    """A problem where something is there that is neither a model folder nor an ONNX file."""
    if not (path.is_file() and path.suffix.lower() == ".onnx"):
        yield from model_folder(setting, path)


def beside_model(path: Path | None) -> tuple[Path, ...]:
    """What lies beside an ONNX file and decides its answers too: weights, and facts that are stated there."""
    from ...core.errors import GeoloomError
    from ...models.foreign.sidecar import sidecar_of
    from ...models.identity import is_onnx

    if path is None or not is_onnx(path) or not path.is_file():
        return ()
    state = path.stat()
    try:
        beside = sidecar_of(path)
        facts = () if beside is None or beside.facts is None else (beside.path,)
        return (*_weights_of(path, state.st_mtime_ns, state.st_size), *facts)
    except GeoloomError:  # the work itself says what is wrong with it
        return ()


@lru_cache(maxsize=8)
def _weights_of(path: Path, modified: int, size: int) -> tuple[Path, ...]:
    """The files with weights of an ONNX file in a state of it: it may be large, and is asked for often."""
    from ...models.foreign.graph import read_graph

    return read_graph(path).files[1:]


def chip_store(setting: str, path: Path) -> Iterator[tuple[str, str]]:
    """A problem where something is there and is not a chip store."""
    store = Path(str(path).partition("#")[0])
    if store.exists() and not (store / "zarr.json").is_file():
        yield setting, f"{store} is not a chip store, which `geoloom chips` makes{_kind_of(store)}"


def labelled_samples(setting: str, path: Path) -> Iterator[tuple[str, str]]:
    """A problem where something is there that is neither a chip store nor a folder of class folders."""
    from ...datasets.layouts.detect import is_class_folder

    if not is_class_folder(str(path)):
        yield from chip_store(setting, path)


def _kind_of(path: Path) -> str:
    """What a path is instead, for who has swapped two."""
    if (path / "model.json").is_file():
        return "; it is a model folder"
    if (path / "zarr.json").is_file():
        return "; it is a chip store"
    return "; it is a file" if path.is_file() else ""


def known_crs(setting: str, crs: str | None) -> Iterator[tuple[str, str]]:
    """A problem where a text names no coordinate reference system."""
    from odc.geo.crs import CRS
    from pyproj.exceptions import CRSError

    if crs is None:
        return
    try:
        CRS(crs)
    except CRSError:
        yield setting, f"found {crs[:60]!r}; expected a CRS, such as EPSG:32720"


def known_time(setting: str, when: str | None) -> Iterator[tuple[str, str]]:
    """A problem where a text names no time."""
    from ...core.errors import IntervalError
    from ...core.interval import Interval

    try:
        Interval.of(when)
    except IntervalError as error:
        yield setting, str(error)


def known_unit(setting: str, unit: str | Sequence[str] | None) -> Iterator[tuple[str, str]]:
    """A problem where a text names no unit."""
    from ...core.bands import parse_unit
    from ...core.errors import BandError

    names = unit.split(",") if isinstance(unit, str) else unit or ()
    for name in names:
        try:
            parse_unit(name)
        except BandError as error:
            yield setting, str(error)


def _usable_within(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(usable(v) if isinstance(v, Path) else _usable_within(v) for v in value)
    return value


def _listed(value: Any) -> Iterator[Any]:
    """What tuples hold, however deep."""
    if isinstance(value, tuple):
        for inner in value:
            yield from _listed(inner)
    else:
        yield value


def relative(path: Path, folder: Path) -> str:
    """`path` as seen from `folder`, with forward slashes; absolute where no relative path leads there."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.absolute().as_posix()


def _plain(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return relative(value, folder)
    if isinstance(value, Mapping):
        return {key: _plain(inner, folder) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, folder) for inner in value]
    return value


def as_list(value: Any) -> Any:
    """One value as a list of one, so that a project file may give either."""
    return [value] if isinstance(value, str | int | float | Path) else value


def as_names(value: Any) -> Any:
    """Names separated by commas as a list of them, so that a project file may give either."""
    return value.split(",") if isinstance(value, str) else value


def named(setting: str, value: str, known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """A problem where `value` is none of the known names."""
    names = tuple(known)
    if value not in names:
        words = setting.replace("_", " ")
        yield setting, f"no {words} is named {value!r}{suggest(value, names)}"
