"""Images in the rows of HDF5 arrays, by h5py, which the extra `hdf5` brings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloom.core.errors import MissingExtraError, ReadError, suggest

from .picture import check_claim, local_file

_KINDS = "biuf"
_DEFLATE_MOST = 1032
"""What a byte of the densest of HDF5's own filters can unfold to."""
_MOST_LISTED = 1000
_DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError)
"""What h5py raises where the library finds something wrong."""


@dataclass(frozen=True, slots=True)
class Hdf5Info:
    """What a file says of an array of images, without its values."""

    uri: str
    """Absolute path of the file."""
    name: str
    """Of the array, such as `sen2`, or `group/sen2`."""
    axes: str
    """What each dimension of the array is, as given."""
    count: int
    """Rows, that is, images; 1 where no axis is `N`."""
    shape: tuple[int, ...]
    """Of each image (C, H, W), or (T, C, H, W) of series."""
    dtype: str
    """numpy's name, byte order left out."""


def hdf5_info(uri: str | Path, name: str, *, axes: str) -> Hdf5Info:
    """What a file says of one of its arrays; no value is read.

    Args:
        uri: Path of the file.
        name: Of the array in the file.
        axes: What its dimensions are, a letter each: `N` images, `T` dates, `C` bands, `H` rows, `W` columns,
            such as `NHWC`. `H` and `W` must be there.

    Raises:
        MissingExtraError: h5py is not installed.
        ReadError: it is not an HDF5 file, holds no such array, the array has other dimensions, or it lies
            outside the file; the message names the arrays that there are.
    """
    path = local_file(uri)
    if len(set(axes)) != len(axes) or not {"H", "W"} <= set(axes) <= set("NTCHW"):
        raise ReadError(
            f"axes is {axes!r}; give one letter for each dimension of {name}: N images, T dates, C bands, H "
            "rows, W columns, such as 'NHWC', H and W at least"
        )
    with open_array(path, name) as array:
        if len(array.shape) != len(axes):
            raise ReadError(
                f"{path}: {name} has {len(array.shape)} dimensions {array.shape}, and axes={axes!r} names "
                f"{len(axes)}; give one letter for each"
            )
        sides = dict(zip(axes, array.shape, strict=True))
        shape = _image_shape(sides)
        size = Path(path).stat().st_size
        check_claim(path, math.prod(shape) * array.dtype.itemsize, size, _DEFLATE_MOST)
        return Hdf5Info(path, name, axes, sides.get("N", 1), shape, array.dtype.name)


def read_hdf5(info: Hdf5Info, rows: Sequence[int]) -> NDArray[Any]:
    """Some rows of an array of images, (n, C, H, W) or (n, T, C, H, W), in the file's own dtype.

    The file is opened and closed: nothing open is left to a fork.

    Args:
        info: Of the array.
        rows: Numbers from 0, in any order.

    Raises:
        MissingExtraError: h5py is not installed.
        ReadError: there is no such row, the file is damaged, or it is no longer what it was.
    """
    wrong = [row for row in rows if not 0 <= row < info.count]
    if wrong:
        raise ReadError(f"{info.uri}: {info.name} has rows 0 to {info.count - 1}, not {wrong[0]}")
    out = np.empty((len(rows), *info.shape), info.dtype)
    with open_array(info.uri, info.name) as array:
        sides = dict(zip(info.axes, array.shape, strict=False))
        same = len(array.shape) == len(info.axes)
        if not same or (sides.get("N", 1), _image_shape(sides)) != (info.count, info.shape):
            raise ReadError(
                f"{info.uri}: {info.name} is of {array.shape} by now; it was replaced: look at it again"
            )
        at = info.axes.find("N")
        for k, row in enumerate(rows):
            part = tuple(row if i == at else slice(None) for i in range(len(info.axes)))
            out[k] = in_order(array[part], info.axes.replace("N", ""))
    return out


def hdf5_arrays(uri: str | Path) -> dict[str, tuple[int, ...]]:
    """The arrays of numbers in a file by name, with their shapes; at most 1000, links to elsewhere left out.

    Raises:
        MissingExtraError: h5py is not installed.
        ReadError: it is not an HDF5 file.
    """
    with _file(local_file(uri)) as file:
        return _arrays_in(file)


def in_order(values: NDArray[Any], axes: str) -> NDArray[Any]:
    """(C, H, W), or (T, C, H, W), of an array whose dimensions are `axes`."""
    if "C" not in axes:
        values, axes = values[None], "C" + axes
    order = "TCHW" if "T" in axes else "CHW"
    return np.transpose(values, [axes.index(axis) for axis in order])


def _image_shape(sides: Mapping[str, int]) -> tuple[int, ...]:
    """Of an image or series, from the length of each axis."""
    dates = (sides["T"],) if "T" in sides else ()
    return (*dates, sides.get("C", 1), sides["H"], sides["W"])


def _arrays_in(file: Any) -> dict[str, tuple[int, ...]]:
    import h5py

    arrays: dict[str, tuple[int, ...]] = {}

    def note(name: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in _KINDS:
            arrays[name] = item.shape
        return True if len(arrays) >= _MOST_LISTED else None  # what is not None ends the visit

    file.visititems(note)  # follows no links
    return arrays


@contextmanager
def _file(path: str) -> Iterator[Any]:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("h5py", "hdf5") from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except ReadError:
        raise
    except _DAMAGED as error:
        raise ReadError(
            f"{path} is not an HDF5 file, or is damaged ({error}); fetch it again"
        ) from error


@contextmanager
def open_array(path: str, name: str) -> Iterator[Any]:
    """An array of the file that lies wholly inside it.

    Raises:
        ReadError: there is none of that name, it is none of numbers, or its values lie elsewhere.
    """
    with _file(path) as file:
        array = _inside(file, path, name)
        if array.dtype.kind not in _KINDS or not array.shape:
            raise ReadError(f"{path}: {name} holds {array.dtype} of {array.shape}, no images")
        if array.external or array.is_virtual:
            raise ReadError(
                f"{path}: the values of {name} lie in other files, which are not opened on an untrusted "
                "file's word; copy them into one first, such as by `h5repack`"
            )
        # To read a value, the block that holds it is unpacked as a whole.
        block = math.prod(array.chunks or (1,)) * array.dtype.itemsize
        check_claim(path, block, Path(path).stat().st_size, _DEFLATE_MOST)
        yield array


def _inside(file: Any, path: str, name: str) -> Any:
    """The array of a name, no link to another file followed on the way."""
    import h5py

    here = file
    for part in name.strip("/").split("/"):
        link = here.get(part, getlink=True) if isinstance(here, h5py.Group) else None
        if isinstance(link, h5py.ExternalLink):
            raise ReadError(
                f"{path}: {name} is a link to {link.filename!r}, which is not opened on an untrusted file's "
                "word; open that file itself"
            )
        here = here[part] if isinstance(link, h5py.HardLink) else None
        if here is None:
            break
    if not isinstance(here, h5py.Dataset):
        raise ReadError(f"{path} has no array {name!r}{suggest(name, _arrays_in(file))}")
    return here
