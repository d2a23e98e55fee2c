"""The first convolution of a network, from the bands it was trained on to those that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self, get_args

import torch
from torch import Tensor, nn

from ..core.bands import Band
from ..core.errors import BandError, ModelError, suggest

Missing = Literal["mean", "zeros", "fresh"]
"""What a band gets that the weights do not know: the mean of all the filters that they have, none at all, or
the random ones of a new network."""


class Known(Protocol):
    """A band of the weights."""

    @property
    def name(self) -> str:
        """The provider's name."""

    @property
    def role(self) -> str:
        """What it measures."""


@dataclass(frozen=True, slots=True)
class BandSources:
    """Where each band of a network takes its filters from."""

    bands: tuple[str, ...]
    """Names of those that there are."""
    known: tuple[str, ...]
    """Names of those that the weights know."""
    sources: tuple[int | None, ...]
    """For each band, which of the known it is, 0-based; None: none of them."""
    missing: Missing

    @classmethod
    def alike(cls, bands: Sequence[Band]) -> Self:
        """Each band is the weights' own."""
        names = tuple(band.name for band in bands)
        return cls(names, names, tuple(range(len(names))), "mean")

    @property
    def same(self) -> bool:
        """Whether the bands are those of the weights, in their order."""
        return self.sources == tuple(range(len(self.known)))

    @property
    def text(self) -> str:
        """For the log and a model's card."""
        found = [
            own if own == self.known[i] else f"{own} from {self.known[i]}"
            for own, i in zip(self.bands, self.sources, strict=True)
            if i is not None
        ]
        new = [own for own, i in zip(self.bands, self.sources, strict=True) if i is None]
        unused = [name for i, name in enumerate(self.known) if i not in self.sources]
        parts = (
            ("bands ", found),
            (f"not known to the weights ({self.missing}): ", new),
            ("not used of the weights: ", unused),
        )
        return "; ".join(f"{what}{', '.join(names)}" for what, names in parts if names)


def match_known(
    bands: Sequence[Band], known: Sequence[Known], *, missing: Missing = "mean"
) -> BandSources:
    """Find each band among those that weights know: by role, and where one of the two has none, by name.

    Names alone mislead: `B4` is red to one Landsat and near infrared to another. They tell apart what
    measures the same, such as red of two dates.

    Args:
        bands: Those that there are, in order.
        known: Those of the weights.
        missing: What a band gets that is not among them.

    Raises:
        BandError: none of the bands is known, two are the same one, or one could be several.
        ModelError: `missing` is none of the rules.

    Example:
        >>> rgb = [Band(name, role=name) for name in ("red", "green", "blue")]
        >>> match_known([Band("B8", role="nir"), Band("B4", role="red")], rgb).text
        'bands B4 from red; not known to the weights (mean): B8; not used of the weights: green, blue'
    """
    if missing not in get_args(Missing):
        raise ModelError(f"missing is {missing!r}{suggest(missing, get_args(Missing))}")
    sources = tuple(_source(band, known) for band in bands)
    found = [i for i in sources if i is not None]
    if not found:
        raise BandError(
            f"none of the bands {_listed(bands)} is one of the weights' ({_listed(known)}), by name or by "
            "role; name them, or give them roles (geoloom prepare --name, Band(role=...))"
        )
    if len(set(found)) < len(found):
        twice = next(i for i in found if found.count(i) > 1)
        names = [band.name for band, i in zip(bands, sources, strict=True) if i == twice]
        raise BandError(
            f"the bands {' and '.join(names)} would both be {known[twice].name!r} of the weights; give them "
            "names or roles that tell them apart"
        )
    return BandSources(
        tuple(band.name for band in bands), tuple(band.name for band in known), sources, missing
    )


def _source(band: Band, known: Sequence[Known]) -> int | None:
    """Which of the known a band is."""
    named = [i for i, other in enumerate(known) if other.name.lower() == band.name.lower()]
    if band.role == "other":
        alike = named
    else:
        alike = [i for i, other in enumerate(known) if other.role == band.role]
        if not alike:
            return next((i for i in named if known[i].role == "other"), None)
    if len(alike) > 1:
        alike = [i for i in alike if i in named] or alike
    if len(alike) > 1:
        names = " or ".join(repr(known[i].name) for i in alike)
        raise BandError(
            f"the band {band.name!r} could be {names} of the weights, which measure the same; give it the "
            "name of the one that it is"
        )
    return alike[0] if alike else None


def adapt_filters(stored: Tensor, fresh: Tensor, found: BandSources) -> Tensor:
    """Filters for the bands that there are.

    Args:
        stored: (O, K, ...) of the K known bands.
        fresh: (O, C, ...) of a new network for the C bands, for those that get random ones.
        found: Where each of the C takes its own from.

    Returns:
        The shape and type of `fresh`.
    """
    filters = [
        _filters_of_new(stored, fresh[:, band], found.missing)
        if source is None
        else stored[:, source]
        for band, source in enumerate(found.sources)
    ]
    return torch.stack([part.to(fresh) for part in filters], dim=1)


def _filters_of_new(stored: Tensor, fresh: Tensor, missing: Missing) -> Tensor:
    """What a band gets that is none of the known."""
    if missing == "mean":
        return stored.mean(1)
    return torch.zeros_like(fresh) if missing == "zeros" else fresh


def first_convolution(network: nn.Module) -> str:
    """Name of the filters that see the bands.

    Raises:
        ModelError: the network begins with no convolution.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d | nn.Conv1d):
            return f"{name}.weight" if name else "weight"
    raise ModelError(
        f"{type(network).__name__} has no convolution that sees the bands, so that weights of other bands "
        "cannot be fitted to it"
    )


def _listed(bands: Sequence[Known] | Sequence[Band]) -> str:
    return ", ".join(
        band.name if band.role in ("other", band.name.lower()) else f"{band.name} ({band.role})"
        for band in bands
    )
