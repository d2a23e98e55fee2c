"""Names and colours of a map's codes that are given beside its file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.classes import Classes
from ...core.errors import ConfigError, ModelError
from ...core.legend import ClassColors, CodeNames, recolored
from ...core.outputs import ClassOutputs

if TYPE_CHECKING:
    from ...models.card import ModelCard


def card_of_map(card: ModelCard, names: CodeNames | None, colors: ClassColors | None) -> ModelCard:
    """The card of a model whose classes have the codes that a map stores them by, and chosen colours.

    Args:
        card: The model's.
        names: What each code of the map means: the names of the model's classes, each once.
        colors: Of some of them.

    Raises:
        ConfigError: the model gives no classes, or a colour is of no class.
        ModelError: the names are not those of the model's classes.
    """
    if not names and not colors:
        return card
    outputs = card.outputs
    if not isinstance(outputs, ClassOutputs) or (names and outputs.gives != "pixels"):
        given = "names of codes (--class)" if names else "colours of classes (--color)"
        raise ConfigError(f"the model gives {outputs.short}, and {given} are given: leave them out")
    classes = outputs.classes
    if names:
        by_name = {name: code for code, name in names.items()}
        if len(by_name) < len(names) or set(by_name) != set(classes.names):
            raise ModelError(
                f"the codes are named {dict(names)}, where the model's classes are "
                f"{', '.join(classes.names)}; name a code for each of them (--class CODE=NAME), once"
            )
        clear = set(classes.transparent)
        own = zip(classes.names, classes.colors, strict=True)
        classes = Classes.of(
            classes.names,
            [by_name[name] for name in classes.names],
            ["transparent" if name in clear else color for name, color in own],
            before=classes.before,
            after=classes.after,
        )
    return replace(card, outputs=replace(outputs, classes=recolored(classes, colors)))
