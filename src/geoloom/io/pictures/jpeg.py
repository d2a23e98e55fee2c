"""JPEG, by Pillow, whose libjpeg-turbo decodes more than twice as fast as GDAL's library."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloom.core.errors import ReadError

from .orientation import exif_orientation, upright, upright_shape
from .picture import RGB, Picture, PictureInfo, check_claim, named_bands

MAGIC = b"\xff\xd8\xff"

_MOST_PER_BYTE = 2048
"""What a stored byte can unfold to: a bit for each block of 64 samples, whose chroma may be stretched."""
_SCAN = b"\xff\xda"
_MOST_SCANS = 1000
"""A progressive picture has some ten. Each is a pass over all pixels, and takes but a few bytes."""
_BANDS = {"L": ("1",), "RGB": RGB}


def describe(uri: str, measured: int) -> PictureInfo:
    """What a JPEG says of itself; see `read.picture_info`."""
    with open(uri, "rb") as file:  # noqa: PTH123 - one of many
        size = file.seek(0, 2)
        file.seek(0)
        return _info(uri, _open(uri, file), size)


def decode(uri: str, measured: int) -> Picture:
    """The pixels of a JPEG; see `read.read_picture`."""
    with open(uri, "rb") as file:  # noqa: PTH123 - one of many
        data = file.read()
    image = _open(uri, BytesIO(data))
    info = _info(uri, image, len(data))
    if data.count(_SCAN) > _MOST_SCANS:
        raise ReadError(
            f"{uri} is made of {data.count(_SCAN)} scans, each a pass over all pixels, where some ten are "
            "usual; it is damaged, or made to take for ever: leave it out"
        )
    try:
        pixels = np.asarray(image)
    except MemoryError:
        raise
    except Exception as error:  # Pillow knows many ways to say that bytes are wrong
        raise ReadError(
            f"{uri} is a damaged JPEG ({error}); fetch it again, or leave it out"
        ) from error
    values: NDArray[Any] = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
    return Picture(upright(values, _turn(image)), np.ones(info.shape, np.bool_), info)


def _open(uri: str, file: Any) -> Any:
    """The picture by Pillow, no pixel of it decoded."""
    from PIL.JpegImagePlugin import JpegImageFile

    try:
        # Not by `Image.open`, which refuses large pictures of any file, and warns of others.
        return JpegImageFile(file)
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise ReadError(
            f"{uri} is a damaged JPEG ({error}); fetch it again, or leave it out"
        ) from error


def _info(uri: str, image: Any, size: int) -> PictureInfo:
    width, height = image.size
    if image.mode not in _BANDS:
        raise ReadError(
            f"{uri} is stored as {image.mode}, for printing: its red, green and blue depend on inks and "
            "paper; expected gray or RGB. Convert it first, such as by `magick in.jpg -colorspace sRGB "
            "out.png`, or leave it out"
        )
    bands = named_bands(_BANDS[image.mode])
    if not (width and height):
        raise ReadError(f"{uri} is a damaged JPEG of {width} x {height} pixels; fetch it again")
    check_claim(uri, width * height * len(bands), size, _MOST_PER_BYTE)
    return PictureInfo(uri, "JPEG", upright_shape((height, width), _turn(image)), "uint8", bands)


def _turn(image: Any) -> int:
    return exif_orientation(image.info.get("exif", b""))
