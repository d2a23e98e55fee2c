"""The options that say how a network of someone else's is fed, and what it gives."""

from __future__ import annotations

from .parameters import Function, option

_SECTION = "A network of someone else's (ONNX)"

_OPTIONS = (
    option(
        "--bands",
        help="Bands of the scene that it reads, in its order: red,nir; or 4,5.",
        section=_SECTION,
    ),
    option(
        "--scale",
        help="What stored numbers are multiplied with: one, or one per band.",
        section=_SECTION,
    ),
    option("--offset", help="What is added then.", section=_SECTION),
    option("--mean", help="What is subtracted then; 0 for nothing.", section=_SECTION),
    option("--std", help="What that is divided by; 1 for nothing.", section=_SECTION),
    option(
        "--model-unit",
        help="What scaled numbers are, where the scene says its scale: surface_reflectance, ...",
        section=_SECTION,
    ),
    option(
        "--classes",
        help="Its classes, in its order: clear,cloud; or 0=clear,1=cloud.",
        section=_SECTION,
    ),
    option("--values", help="Or its values: height=m.", section=_SECTION),
    option(
        "--activation",
        help="What makes probabilities: softmax, sigmoid, none; or positions.",
        section=_SECTION,
    ),
    option("--input-size", help="Side of its images, pixels.", kind=int, section=_SECTION),
    option("--layout", help="NCHW: bands before rows. NHWC: bands last.", section=_SECTION),
    option("--answer", help="Which of its outputs, if several.", section=_SECTION),
)


def network_facts(function: Function) -> Function:
    """All of them, in this order."""
    for add in reversed(_OPTIONS):
        function = add(function)
    return function
