"""geoloom models"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..options import as_json, debug
from ..parameters import option
from ..terminal import session
from ..verb import verb

if TYPE_CHECKING:
    from ...models.specs import ModelSpec


@verb("geoloom models", "geoloom models --match 'timm/*resnet*'")
@option("--match", help="List all names that match, such as 'timm/*'.", metavar="PATTERN")
@as_json
@debug
def models(match: str | None, as_json: bool, debug: bool) -> None:
    """List the networks that can be trained: what each takes and gives, and its options."""
    with session(as_json=as_json, debug=debug) as terminal:
        from ...models.registry import FAMILIES, get_spec, list_models

        listed = {name: _facts(get_spec(name)) for name in list_models(match)}
        lines = [line for name, facts in listed.items() for line in _lines(name, facts)]
        if match is None:
            lines += [
                f"\n{family}/NAME: {FAMILIES.get(family).about}; --match '{family}/*' lists them"
                for family in FAMILIES
            ]
        terminal.answer({"verb": "models", "models": listed}, "\n".join(lines))


def _facts(spec: ModelSpec) -> dict[str, Any]:
    return {
        "about": spec.about,
        "takes": spec.takes,
        "dates": spec.dates,
        "inputs": list(spec.inputs or ("image",)),
        "gives": list(spec.gives),
        "extra": spec.extra,
        "options": spec.options(),
    }


def _lines(name: str, facts: dict[str, Any]) -> tuple[str, str]:
    """Two lines: what it is, and how it is asked for."""
    from ...models.specs import PHRASES

    gives = " or ".join(PHRASES[what] for what in facts["gives"])
    extra = f"; needs geoloom[{facts['extra']}]" if facts["extra"] else ""
    options = " ".join(f"{key}={value}" for key, value in facts["options"].items())
    return (
        f"{name:22} {facts['about']}",
        f"{'':22} {', '.join(facts['inputs'])} {facts['takes']} -> {gives}{extra}; {options}",
    )
