"""Class names and colours as files and providers tell them, made into `Classes`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..core.classes import MAX_CODE, Classes


def legend(
    names: Mapping[int, str], colors: Mapping[int, tuple[int, ...]] | None = None
) -> Classes | None:
    """The classes of a mask, by rising code; None where no code has a name or one exceeds 255.

    Names that several codes share get their code behind them.

    Example:
        >>> legend({65: "Barren", 131: "Barren"}).names
        ('Barren (65)', 'Barren (131)')
    """
    named = {code: name for code, name in sorted(names.items()) if name}
    if not named or max(named) > MAX_CODE:
        return None
    shared = Counter(named.values())
    unique = [f"{n} ({code})" if shared[n] > 1 else n for code, n in named.items()]
    return Classes.of_legend(dict(zip(named, unique, strict=True)), colors)
