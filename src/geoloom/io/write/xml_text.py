"""Text from outside inside XML, such that every parser reads it."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold, not even escaped."""
_REPLACEMENT = "\ufffd"


def xml_text(text: str) -> str:
    """A text as the content of an element; a character that XML has none of becomes U+FFFD.

    Source:
        XML 1.0, section 2.2, production 2 (Char).

    Example:
        >>> xml_text("a<b" + chr(1))
        'a&lt;b\ufffd'
    """
    return escape(_ILLEGAL.sub(_REPLACEMENT, text))


def xml_attribute(text: str) -> str:
    """A text as the value of an attribute, in its quotes; likewise."""
    return quoteattr(_ILLEGAL.sub(_REPLACEMENT, text))
