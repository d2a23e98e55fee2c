"""Class codes, as files store them, as positions among the classes, as losses take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..core.classes import UNKNOWN, Classes, position_table
from ..core.errors import DatasetError
from ..core.outputs import IGNORE_INDEX

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class EncodeClasses:
    """The codes of a sample's mask as positions 0..K-1; pixels that do not count as `IGNORE_INDEX`.

    Codes of no class are not `valid` any more. Where a pixel is not valid, for that or any other reason, the
    mask holds -100, which `torch.nn.CrossEntropyLoss` leaves out by default. So it belongs behind
    everything that decides on validity: on `imagery & labels`, not on the labels alone.

    A dataset with this transform says so: the codes of its `classes` are 0..K-1.

    Args:
        stored: Which codes are classes, and in which order; those of the dataset, or some of them.

    Example:
        >>> import torch
        >>> crops = EncodeClasses(Classes.of(["corn", "soybeans"], codes=[1, 5]))
        >>> mask, valid = torch.tensor([[1, 5, 0, 5]]), torch.tensor([[True, True, True, False]])
        >>> sample = crops({"mask": mask, "valid": valid})
        >>> sample["mask"].tolist(), sample["valid"].tolist()
        ([[0, 1, -100, -100]], [[True, True, False, False]])
        >>> dataset = (imagery & labels).with_transforms(EncodeClasses(labels.classes))  # doctest: +SKIP
    """

    stored: Classes

    @property
    def classes(self) -> Classes:
        """What the mask holds afterwards: the same classes, their codes 0..K-1."""
        return replace(self.stored, codes=tuple(range(len(self.stored))))

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """The sample, or batch, with its mask encoded; not altered itself.

        Raises:
            DatasetError: there is no mask.
        """
        if "mask" not in sample:
            raise DatasetError(
                f"a sample holds {', '.join(sorted(sample))}, and no mask whose classes could be encoded; "
                "join labels to the imagery: imagery & labels"
            )
        return encoded(sample, code_table(self.stored.codes))


def code_table(codes: Sequence[int]) -> Tensor:
    """Position by class code, int64, `IGNORE_INDEX` for codes of no class and, at the end, all others."""
    import torch

    table = torch.from_numpy(position_table(codes))
    return table.masked_fill(table == UNKNOWN, IGNORE_INDEX)


def positions_of(codes: Tensor, table: Tensor) -> Tensor:
    """Positions int64 of codes of any whole type; `table` is that of `code_table`."""
    import torch

    last = len(table) - 1
    wide = codes.long()
    return table[torch.where((wide >= 0) & (wide < last), wide, last)]


def encoded(batch: Mapping[str, Any], table: Tensor) -> dict[str, Any]:
    """A sample or batch whose `mask` holds positions, and `valid` only pixels of a class."""
    mask = positions_of(batch["mask"], table)
    valid = batch.get("valid")
    if valid is None:
        return {**batch, "mask": mask}
    if mask.ndim > valid.ndim:  # labels of each date, of which one alone may be unknown
        return {**batch, "mask": mask.masked_fill(~valid.unsqueeze(-3), IGNORE_INDEX)}
    valid = valid & (mask != IGNORE_INDEX)
    return {**batch, "mask": mask.masked_fill(~valid, IGNORE_INDEX), "valid": valid}
