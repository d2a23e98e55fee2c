"""geoloom models"""

from __future__ import annotations

from ..options import as_json, debug
from ..terminal import session
from ..verb import verb


@verb("geoloom models")
@as_json
@debug
def models(as_json: bool, debug: bool) -> None:
    """List the networks that can be trained, with their options."""
    with session(as_json=as_json, debug=debug) as terminal:
        from ...models.registry import list_models, model_options

        listed = {name: model_options(name) for name in list_models()}
        lines = [
            f"{name:10} {'  '.join(f'{key}={value}' for key, value in options.items())}"
            for name, options in listed.items()
        ]
        terminal.answer({"verb": "models", "models": listed}, "\n".join(lines))
