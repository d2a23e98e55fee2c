"""How files of weights name their tensors, as rules: where they lie, what to drop, what to call the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...core.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

State = Mapping[str, "Tensor"]

_SPLITS = "q_bias", "v_bias"


@dataclass(frozen=True, slots=True)
class Layout:
    """From the file of a kind to the names that the network here has."""

    inside: tuple[str, ...] = ()
    """Keys of the tables that the tensors lie in."""
    prefix: str = ""
    """What the names wanted begin with; others are dropped."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Pattern and replacement, in this order, each name by the first that fits."""
    dropped: str = ""
    """Pattern of names that are of no use: other heads, decoders, queues."""
    reworked: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = None
    """What names alone do not do."""

    def state(self, stored: Mapping[str, Any], where: str) -> dict[str, Tensor]:
        """The tensors of a file under the network's names.

        Raises:
            ModelError: they do not lie where this layout has them.
        """
        for key in self.inside:
            if not isinstance(stored.get(key), Mapping):
                raise ModelError(
                    f"{where} has no table {key!r} (it has {', '.join(list(stored)[:5])}); it is not the "
                    "file that these weights are known by: download it again"
                )
            stored = stored[key]
        found = {
            self._name(name.removeprefix(self.prefix)): tensor
            for name, tensor in stored.items()
            if name.startswith(self.prefix) and hasattr(tensor, "shape")
        }
        kept = {
            name: tensor
            for name, tensor in found.items()
            if not (self.dropped and re.match(self.dropped, name))
        }
        if not kept:
            raise ModelError(
                f"{where} holds no weights whose names begin with {self.prefix!r} (it has "
                f"{', '.join(list(stored)[:5])}); it is not the file that these weights are known by: "
                "download it again"
            )
        return kept if self.reworked is None else self.reworked(kept)

    def _name(self, name: str) -> str:
        for pattern, replacement in self.renamed:
            new, count = re.subn(pattern, replacement, name)
            if count:
                return new
        return name


def _with_query_and_value_biases(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Swin v2's one bias of queries, keys and values as timm's two: that of the keys is always 0."""
    reworked: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if not name.endswith("attn.qkv.bias"):
            reworked[name] = tensor
            continue
        queries, _, values = tensor.chunk(3)
        for new, part in zip(_SPLITS, (queries, values), strict=True):
            reworked[name.removesuffix("qkv.bias") + new] = part.clone()
    return reworked


def _swin_names() -> tuple[tuple[str, str], ...]:
    """torchvision's names of a Swin transformer as timm's: blocks (odd) alternate with mergings (even)."""
    inner = (("mlp.0.", "mlp.fc1."), ("mlp.3.", "mlp.fc2."), ("", ""))
    blocks = [
        (
            rf"^features\.{2 * stage + 1}\.(\d+)\.{re.escape(old)}",
            rf"layers.{stage}.blocks.\1.{new}",
        )
        for stage in range(4)
        for old, new in inner
    ]
    mergings = [
        (rf"^features\.{2 * stage}\.", f"layers.{stage}.downsample.") for stage in range(1, 4)
    ]
    return (
        (r"^features\.0\.0\.", "patch_embed.proj."),
        (r"^features\.0\.2\.", "patch_embed.norm."),
        *blocks,
        *mergings,
        (r"^head\.", "head.fc."),
    )


_BUFFERS = r".*attn\.(relative_position_index|relative_coords_table)$"
"""Follow from the window's size; timm computes them."""

LAYOUTS: Mapping[str, Layout] = {
    "timm": Layout(),
    "smp": Layout(),
    "torchvision_swin": Layout(inside=("state_dict",), renamed=_swin_names(), dropped=_BUFFERS),
    "torchvision_swin_v2": Layout(
        renamed=_swin_names(), dropped=_BUFFERS, reworked=_with_query_and_value_biases
    ),
    "seco": Layout(
        inside=("state_dict",),
        prefix="encoder_q.",
        renamed=(
            (r"^0\.", "conv1."),
            (r"^1\.", "bn1."),
            *((rf"^{3 + stage}\.", f"layer{stage}.") for stage in range(1, 5)),
        ),
    ),
    "moco": Layout(inside=("state_dict",), prefix="module.encoder_q.", dropped=r"fc\."),
    "smp_encoder": Layout(
        renamed=(
            (r"^(.*denselayer\d+\.(?:norm|relu|conv))\.(?=[12]\.)", r"encoder.\1"),
            (r"^", "encoder."),
        ),
        dropped=r"encoder\.(fc|_fc|last_linear|classifier|head)\.",
    ),
    "tu_encoder": Layout(),  # timm's own; see `as_features`
    "mae": Layout(inside=("model",), dropped=r"decoder_|mask_token"),
}
"""By the name that the table of weights has."""


def as_features(state: State, names: Iterable[str], prefix: str) -> dict[str, Tensor]:
    """timm's tensors of a network as those of the part of it that gives features.

    That part has the same modules, some under flattened names: `stages.0.` is `stages_0.` there. Later layers
    and the classifier have no place in it.

    Args:
        state: Under timm's names.
        names: Those of the part's tensors.
        prefix: What they begin with.
    """
    known = {_flat(name): name for name in state}
    found: dict[str, Tensor] = {}
    for name in names:
        if name.startswith(prefix):
            own = _flat(name.removeprefix(prefix))
            source = known.get(own) or known.get(own.removeprefix("model_"))
            if source is not None:
                found[name] = state[source]
    return found


def _flat(name: str) -> str:
    return name.replace(".", "_")
