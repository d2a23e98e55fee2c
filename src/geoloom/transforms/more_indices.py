"""Some 240 further indices: the catalogue of spyndex, which the extra `indices` brings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from ..core.errors import ConfigError, MissingExtraError, suggest
from .index_table import Array, SpectralIndex

_ROLES: Mapping[str, str] = {
    "A": "coastal",
    "B": "blue",
    "G": "green",
    "R": "red",
    "RE1": "rededge1",
    "RE2": "rededge2",
    "RE3": "rededge3",
    "N": "nir",
    "N2": "nir08",
    "WV": "nir09",
    "S1": "swir1",
    "S2": "swir2",
    "T": "thermal",
    "T1": "thermal",
    "T2": "thermal2",
    "VV": "vv",
    "VH": "vh",
    "HH": "hh",
    "HV": "hv",
}
"""Letter in the catalogue -> our role of a band."""


@dataclass(frozen=True, slots=True)
class CatalogueFormula:
    """One formula of the catalogue, by the name that it has there; goes into a pickle."""

    name: str
    letters: tuple[str, ...]
    constants: Mapping[str, float] = field(hash=False)

    def __call__(self, *bands: Array) -> Array:
        """The index of bands in the order of the letters."""
        import spyndex

        params: dict[str, Any] = {**self.constants, **dict(zip(self.letters, bands, strict=True))}
        return spyndex.computeIndex(self.name, params)


def from_catalogue(name: str, own: Collection[str]) -> SpectralIndex:
    """An index of the catalogue, its constants at the catalogue's defaults.

    Args:
        name: There, such as `NIRv`; in any case where that leaves no doubt.
        own: Names that are known without the catalogue, for messages.

    Raises:
        ConfigError: there is none, or it needs what we have no role for; or spyndex is not installed, which
            the message says.
    """
    if find_spec("spyndex") is None:
        extra = MissingExtraError("spyndex", "indices")
        raise ConfigError(f"no index is named {name!r}{suggest(name, own)}. 240 more: {extra}")
    import spyndex

    known = {other: spyndex.indices[other] for other in spyndex.indices}
    alike = [other for other in known if other.lower() == name.lower()]
    found = name if name in known else alike[0] if len(alike) == 1 else None
    if found is None:
        raise ConfigError(f"no index is named {name!r}{_near(name, own, known)}")
    entry = known[found]
    letters = tuple(letter for letter in entry.bands if letter in _ROLES)
    rest = [letter for letter in entry.bands if letter not in _ROLES]
    defaults = {letter: getattr(spyndex.constants.get(letter), "default", None) for letter in rest}
    lacking = [letter for letter, value in defaults.items() if value is None]
    if lacking or not letters:
        raise ConfigError(
            f"the index {found!r} of spyndex needs {', '.join(lacking)} besides bands, which have no usual "
            "value; compute it with spyndex itself, or register_index a function that knows them"
        )
    return SpectralIndex(
        found,
        CatalogueFormula(
            found, letters, {key: float(v) for key, v in defaults.items() if v is not None}
        ),
        tuple(_ROLES[letter] for letter in letters),
        "linear" if entry.application_domain == "radar" else "reflectance",
        entry.long_name,
        entry.formula,
        entry.reference,
    )


def _near(name: str, own: Collection[str], known: Mapping[str, Any]) -> str:
    near = suggest(name, [*own, *known])
    # All 280 names would bury the message.
    hint = near.partition(". Known")[0].partition("? Known")[0]
    return f"{hint}{'?' if hint else ''} Own: {', '.join(sorted(own))}; see spyndex for the others"
