"""The zarr group of a store that is being written: arrays of pixels, columns, and the signature over all."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from google_crc32c import value as crc32c
from numcodecs import blosc  # type: ignore[import-untyped]  # zarr's own, without type information

from .layout import CODECS, COLUMNS, PLANES, WIDE, Compression, chips_per_shard, seal
from .shard_writer import Encode, ShardFiles


class GroupWriter:
    """Arrays that grow by a chip at a time, in a folder that is no store before it is signed.

    Args:
        folder: Made anew.
        shapes: Of a chip's planes: image (C, H, W), value (K, H, W), others (H, W).
        types: Stored type of each plane.
        compress: See `ChipWriter`.
        attributes: All that is known of the store when it begins; JSON values.
    """

    def __init__(
        self,
        folder: Path,
        shapes: Mapping[str, tuple[int, ...]],
        types: Mapping[str, np.dtype[Any]],
        compress: Compression,
        attributes: Mapping[str, Any],
    ) -> None:
        import zarr
        from zarr.codecs import Crc32cCodec

        self._folder = folder
        self._attributes = dict(attributes)
        self._group: Any = zarr.open_group(folder, mode="w", zarr_format=3)
        self._group.attrs.update(self._attributes)
        self._shards: dict[str, ShardFiles] = {}
        self._types = {name: dtype.newbyteorder("<") for name, dtype in types.items()}
        sizes = (int(np.prod(shapes[name])) * dtype.itemsize for name, dtype in types.items())
        per_shard = chips_per_shard(max(sizes))
        for name, dtype in types.items():
            of_plane = shapes[name]
            packing = _compressor(compress, dtype)
            # A plane that is true throughout, as most are, is then not stored at all.
            fill = name in ("valid", "observed")
            self._group.create_array(
                name,
                shape=(0, *of_plane),
                chunks=(1, *of_plane),
                shards=(per_shard, *of_plane),
                dtype=dtype,
                fill_value=fill,
                compressors=[*([] if packing is None else [packing]), Crc32cCodec()],
                dimension_names=PLANES[name],
            )
            self._shards[name] = ShardFiles(
                folder / name,
                dimensions=1 + len(of_plane),
                per_shard=per_shard,
                fill=fill,
                encode=_encoder(compress, dtype),
            )

    def add(self, planes: Mapping[str, np.ndarray]) -> None:
        """Append one chip's planes, each of the group's shape, in any type that holds it."""
        for name, plane in planes.items():
            self._shards[name].add(np.ascontiguousarray(plane, self._types[name]))

    def finish(
        self,
        columns: Mapping[str, np.ndarray],
        more: Mapping[str, Any],
        samples: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Write what is left of the pixels, the columns, and the attributes with a checksum over them.

        Args:
            columns: One value per chip each, for all of `COLUMNS` but the checksums.
            more: Attributes that are known only now; JSON values.
            samples: Further columns, by the names of their arrays.
        """
        count = len(columns["row"])
        files = {name: self._end(name, count) for name in self._shards}
        checksums = [self._shards[name].checksums for name in PLANES if name in self._shards]
        whole = {**columns, "crc32c": np.array(checksums, COLUMNS["crc32c"]).T}
        whole = {name: whole[name] for name in COLUMNS if name in whole} | dict(samples or {})
        files |= {name: self._add_column(name, values) for name, values in whole.items()}
        self._sign({**more, "files": files})

    def abandon(self) -> None:
        """Close the files as they are."""
        for shards in self._shards.values():
            shards.abandon()

    def _end(self, name: str, count: int) -> dict[str, Any]:
        """End an array of pixels; its checks."""
        self._shards[name].close()
        array = self._group[name]
        array.resize((count, *array.shape[1:]))
        return {"metadata": self._metadata_crc(name), "shards": self._shards[name].sizes}

    def _add_column(self, name: str, values: np.ndarray) -> dict[str, Any]:
        """Write a column as one unpacked chunk; its checks."""
        axis = WIDE.get(name, name)  # its own, as another vector may have another length
        self._group.create_array(
            name,
            data=np.ascontiguousarray(values),
            chunks=values.shape,
            compressors=None,
            dimension_names=("chip", axis)[: values.ndim],
            config={"write_empty_chunks": True},
        )
        stored = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        return {"metadata": self._metadata_crc(name), "data": crc32c(stored)}

    def _metadata_crc(self, name: str) -> int:
        return int(crc32c((self._folder / name / "zarr.json").read_bytes()))

    def _sign(self, more: Mapping[str, Any]) -> None:
        """Write the attributes with a checksum over them; the store then counts as complete."""
        import zarr

        attributes = {**self._attributes, **more, "complete": True}
        attributes = json.loads(json.dumps(attributes))  # as a reader will find them
        self._group.attrs.update({**attributes, "seal": seal(attributes)})
        with warnings.catch_warnings():
            # Consolidated metadata is not in the zarr 3 specification yet; xarray reads it all the same.
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(self._group.store)


def _compressor(name: Compression, dtype: np.dtype[Any]) -> Any:
    """The compressor, as zarr takes it."""
    from zarr.codecs import BloscCodec

    codec = CODECS[name]
    if codec is None:
        return None
    shuffle = "shuffle" if dtype.itemsize > 1 else "noshuffle"
    return BloscCodec(cname=codec[0], clevel=codec[1], shuffle=shuffle)  # type: ignore[arg-type]


def _encoder(name: Compression, dtype: np.dtype[Any]) -> Encode | None:
    """The function that packs an item as zarr's compressor would."""
    codec = CODECS[name]
    if codec is None:
        return None
    shuffle = blosc.SHUFFLE if dtype.itemsize > 1 else blosc.NOSHUFFLE
    return partial(blosc.compress, cname=codec[0].encode(), clevel=codec[1], shuffle=shuffle)
