"""Docstrings say `Example:`; the documentation builder formats only `Examples:`."""

from __future__ import annotations

import re
from typing import Any

import griffe

_SINGULAR = re.compile(r"^(\s*)Example:$", re.MULTILINE)


class PluralExamples(griffe.Extension):
    """Lets an `Example:` be shown as code."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Rewrite the heading in the object's docstring, in the builder's memory alone."""
        if obj.docstring is not None:
            obj.docstring.value = _SINGULAR.sub(r"\1Examples:", obj.docstring.value)
