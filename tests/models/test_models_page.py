"""The page of models lists geoloom's own networks, from their specs.

Run as a script, it writes the list into the page: python tests/models/test_models_page.py
"""

from __future__ import annotations

from pathlib import Path

from geoloom.models.known import NETWORKS
from geoloom.models.registry import count_parameters

PAGE = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "models.md"
START, STOP = "<!-- networks -->\n", "<!-- end of networks -->"


def listing() -> str:
    lines = ["| name | what it is | takes | dates | gives | parameters | after |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for name, spec in sorted(NETWORKS.items()):
        inputs = [f"`{key}`" for key in spec.inputs if key != "image"]
        lines.append(
            f"| `{name}` | {spec.about} | {', '.join([spec.takes, *inputs])} | {spec.dates} | "
            f"{' or '.join(spec.gives)} | {count_parameters(name, 4, 2):,} | {spec.source} |"
        )
    return "\n".join(lines) + "\n"


def parts_of_page() -> tuple[str, str, str]:
    before, start, rest = PAGE.read_text(encoding="utf-8").partition(START)
    listed, stop, after = rest.partition(STOP)
    assert start
    assert stop
    return before + start, listed, stop + after


def test_the_page_lists_the_networks_that_there_are():
    assert parts_of_page()[1] == listing(), "run `python tests/models/test_models_page.py`"


if __name__ == "__main__":
    before, _, after = parts_of_page()
    PAGE.write_text(before + listing() + after, encoding="utf-8")
