"""CRC-32C, Castagnoli's checksum, which zarr puts behind shards' indices and, where asked, behind chunks."""

from __future__ import annotations

from typing import Any, cast

import google_crc32c

CRC_BYTES = 4


def crc32c(data: Any) -> int:
    """Of bytes or of a C-contiguous array; at some 30 GB a second where the processor has an instruction.

    Source:
        RFC 3720, appendix B.4.

    Example:
        >>> hex(crc32c(bytes(32)))
        '0x8a9136aa'
    """
    return cast(int, google_crc32c.value(data))
