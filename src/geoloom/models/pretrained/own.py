"""Weights of one's own: a model folder, whose card says what they are of, or a file, which says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ...core.bands import Band, as_band
from ...core.errors import ModelError
from ...core.outputs import Outputs
from ..card import ModelCard, read_card
from ..identity import CARD_FILE, WEIGHTS_FILE
from .fetch import read_state
from .order import names_in_order
from .places import Outline, Places
from .start import Stored
from .table import InputBand, PretrainedWeights

FITTED = "mean_std"
"""Kind of normalisation where nothing is known of the one that weights were trained with."""

_TABLES = "state_dict", "model_state_dict", "model"
"""Keys under which files of torch have the table of tensors, beside other things."""
_ORDERED = ".pth", ".pt", ".bin", ".ckpt"
"""Files that keep the order of their tensors."""


def own_weights(given: str | Path, bands: Sequence[Band | str] | None = None) -> PretrainedWeights:
    """What is known of weights that are given as a folder or file.

    Args:
        given: A model folder, its file of weights, or any other file of weights.
        bands: Of a file without a card: what its filters are of; None: the network's own bands, in order.

    Raises:
        ModelError: there is nothing, the folder's card is broken, or bands are given for a folder, whose card
            knows them.
    """
    path = Path(given)
    if path.name == WEIGHTS_FILE and (path.parent / CARD_FILE).is_file():
        path = path.parent
    if path.is_dir() and (path / CARD_FILE).is_file():
        if bands is not None:
            raise ModelError(
                f"weights_bands are given, and the card of {path} says what its bands are; leave them out"
            )
        return _of_card(read_card(path), str(given), path / WEIGHTS_FILE)
    file = path / WEIGHTS_FILE if path.is_dir() else path
    if not file.is_file():
        raise ModelError(
            f"{file} does not exist; give a model folder, a file of weights, or one of list_weights()"
        )
    known = tuple(as_band(band) for band in bands or ())
    return PretrainedWeights(
        str(given),
        str(file),
        bands=tuple(InputBand(band.name, band.role, None, 0.0, 1.0) for band in known),
        options={},
        fitted=FITTED,
    )


def outputs_of(weights: PretrainedWeights) -> Outputs | None:
    """What the network of a model folder gives; None of a file."""
    if weights.architecture is None:
        return None
    return read_card(Path(weights.url).parent).outputs


def _of_card(card: ModelCard, name: str, file: Path) -> PretrainedWeights:
    rule = card.normalization
    plain = rule is None or bool(rule["center"])
    scaled = any(
        band.unit is None and (band.scale, band.offset) != (1.0, 0.0) for band in card.bands
    )
    return PretrainedWeights(
        name,
        str(file),
        dataset="its own training data",
        architecture=card.architecture,
        options=card.options,
        bands=tuple(_input_band(card, i, numbers=plain) for i in range(len(card.bands))),
        dtype=card.dtype if any(band.unit is None for band in card.bands) else None,
        size=card.chip_size_px,
        gsd_m=card.gsd if card.gsd_unit == "metre" else None,
        num_classes=card.outputs.channels,
        # Numbers without a unit and with a scale mean nothing elsewhere.
        fitted=None if plain and not scaled else FITTED if plain else str(rule and rule["kind"]),
    )


def _input_band(card: ModelCard, position: int, *, numbers: bool) -> InputBand:
    """What a network was fed of a band, in its unit: cards have it in stored numbers."""
    band, rule = card.bands[position], card.normalization
    center, scale = 0.0, 1.0
    bounds: tuple[float | None, float | None] = (None, None)
    if numbers and rule is not None:
        center, scale = rule["center"][position], rule["scale"][position]
        if rule.get("low"):
            bounds = rule["low"][position], rule["high"][position]
    return InputBand(
        band.name,
        band.role,
        band.unit,
        center * band.scale + band.offset,
        scale * band.scale,
        *bounds,
    )


def read_own(
    weights: PretrainedWeights, outline: Outline, in_channels: int, places: Places
) -> Stored:
    """The tensors of a folder or file under the network's names.

    A file that has other names is taken where it lists the same tensors in the same order; see `order`.

    Raises:
        ModelError: the file is damaged, or holds something else than weights.
    """
    path = Path(weights.url)
    state = _table(read_state(path), str(path))
    fix = "give the network and the options that they are of"
    if weights.architecture is not None:
        fix = f"they are of {weights.architecture!r} with {dict(weights.options)}: give these"
    expected = outline(in_channels, 2)
    own = {name for name in expected if not name.startswith(places.heads)}
    if own <= state.keys() or path.suffix not in _ORDERED:
        if not weights.bands:
            _check_bands(state, expected, places, str(path))
        return Stored(state, str(path), fix)
    pairs = names_in_order(state, expected, places)
    if pairs is None:
        theirs, ours = (", ".join(list(names)[:3]) for names in (state, expected))
        return Stored(state, f"{path} (with {theirs}, ...; the network has {ours}, ...)", fix)
    renamed = {own_name: state[name] for name, own_name in pairs.items()}
    if not weights.bands:
        _check_bands(renamed, expected, places, str(path))
    return Stored(
        renamed,
        str(path),
        fix,
        f"other names, and the same {len(pairs)} tensors in order and shape",
    )


def _check_bands(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], places: Places, where: str
) -> None:
    """Refuse filters of more or fewer bands than the network has, where nothing says which they are."""
    for name in places.filters:
        stored, wanted = state.get(name), expected.get(name)
        if stored is None or wanted is None or stored.ndim < 2 or stored.shape == wanted.shape:
            continue
        if stored.shape[:1] + stored.shape[2:] == wanted.shape[:1] + wanted.shape[2:]:
            raise ModelError(
                f"{where} holds filters of {stored.shape[1]} bands ({name}), and the network has "
                f"{wanted.shape[1]}: say what those of the file are (weights_bands=['red', 'green', 'blue']; "
                "--weights-bands red,green,blue)"
            )


def _table(stored: Mapping[str, Any], where: str) -> dict[str, Tensor]:
    """The tensors of a file, which may lie in a table beside other things."""
    for key in _TABLES:
        if isinstance(stored.get(key), Mapping):
            stored = stored[key]
            break
    state = {name: value for name, value in stored.items() if isinstance(value, Tensor)}
    if not state:
        raise ModelError(
            f"{where} holds no weights (it has {', '.join(map(str, list(stored)[:5]))})"
        )
    return state
