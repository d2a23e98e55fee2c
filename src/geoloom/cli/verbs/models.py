"""geoloom models"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..options import as_json, debug, plugins, use_plugins
from ..parameters import argument, option
from ..terminal import session
from ..verb import verb

if TYPE_CHECKING:
    from ...models.specs import ModelSpec

_BANDS, _CLASSES = 4, 2
"""For which the parameters are counted."""


@verb(
    "geoloom models",
    "geoloom models unet",
    "geoloom models --gives pixels --takes BTCHW",
    "geoloom models --match 'timm/*resnet*'",
)
@argument("name", help="A network, for its options and size.", optional=True)
@option("--match", help="List all names that match, such as 'timm/*'.", metavar="PATTERN")
@option("--gives", help="List those that give pixels, image, boxes or features.")
@option("--takes", help="List those that take BCHW (one date), BTCHW (several) or BTC (pixels).")
@plugins
@as_json
@debug
def models(
    name: Path | None,
    match: str | None,
    gives: Any,
    takes: Any,
    plugin: tuple[Path, ...],
    as_json: bool,
    debug: bool,
) -> None:
    """List the networks that can be trained, or show one: what it takes and gives, its options and size."""
    with session(as_json=as_json, debug=debug) as terminal:
        from ...core.errors import UsageError
        from ...models.listing import FAMILIES, get_spec, list_models

        use_plugins(plugin)
        if name is not None:
            if match or gives or takes:
                raise UsageError(
                    f"{name} is one network; --match, --gives and --takes are for the list"
                )
            facts = {**_facts(get_spec(str(name))), **_details(str(name))}
            terminal.answer({"verb": "models", "model": {"name": str(name), **facts}}, _page(facts))
            return
        listed = {
            known: _facts(get_spec(known)) for known in list_models(match, gives=gives, takes=takes)
        }
        lines = [
            f"{known:24} {facts['takes']:5} -> {'/'.join(facts['gives']):16} {facts['about']}"
            for known, facts in listed.items()
        ]
        if match is None:
            lines += [
                "",
                "geoloom models NAME shows what one takes and gives, its options and size",
            ]
            lines += [
                f"{family}/NAME: {FAMILIES.get(family).about}; --match '{family}/*' lists them"
                for family in FAMILIES
            ]
        terminal.answer({"verb": "models", "models": listed}, "\n".join(lines))


def _facts(spec: ModelSpec) -> dict[str, Any]:
    """What is known of a network without importing it."""
    return {
        "about": spec.about,
        "takes": spec.takes,
        "dates": spec.dates,
        "inputs": list(spec.inputs or ("image",)),
        "gives": list(spec.gives),
        "masks": spec.masks,
        "extra": spec.extra,
        "source": spec.source,
    }


def _details(name: str) -> dict[str, Any]:
    """What its program says: options, and parameters with them as they are."""
    from ...models.listing import get_spec
    from ...models.pretrained.table import list_weights
    from ...models.registry import count_parameters
    from ...models.specs import option_kind

    spec = get_spec(name)
    hints = spec.hints()
    return {
        "options": spec.options(),
        "kinds": {key: option_kind(hints.get(key)) for key in spec.options()},
        "parameters": count_parameters(name, _BANDS, _CLASSES),
        "weights": list(list_weights(architecture=name)),
    }


def _page(facts: dict[str, Any]) -> str:
    """A row for each fact of a network."""
    from ...models.specs import PHRASES, SHAPES

    gives = " or ".join(PHRASES[what] for what in facts["gives"])
    dates = {1: "", "any": ", any number of dates"}.get(facts["dates"], f", {facts['dates']} dates")
    rows = [
        ("what", facts["about"]),
        ("takes", f"{', '.join(facts['inputs'])}: {SHAPES[facts['takes']]}{dates}"),
        ("gives", gives + (" with outlines" if facts["masks"] else "")),
        ("parameters", f"{facts['parameters']:,} with {_BANDS} bands and {_CLASSES} classes"),
        ("source", facts["source"]),
        ("needs", f"geoloom[{facts['extra']}]" if facts["extra"] else ""),
    ]
    rows += [
        ("" if number else "weights", weights) for number, weights in enumerate(facts["weights"])
    ]
    for number, (key, value) in enumerate(facts["options"].items()):
        kind = facts["kinds"][key]
        rows.append(
            ("" if number else "options", f"{key}={value}" + (f"  ({kind})" if kind else ""))
        )
    return "\n".join(f"{title:12} {text}".rstrip() for title, text in rows if text)
