"""What a forest of pixels reaches on the samples that the network is scored on."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from ...metrics.accuracy import Accuracy
from ...metrics.baseline import Baseline
from ..evidence.accuracies import find_accuracy
from ..evidence.facts import Facts
from ..tables import number, percent
from .html import note

_TITLES = {"val": "validation chips", "test": "test chips", None: "chips without splits"}
_NOTE = (
    "A random forest, learned from the training chips of the network: of each pixel the bands, and their "
    "means and deviations in small windows. Rows of network and forest that stand together count the same "
    "pixels."
)
_HEAD = ("Scored on", "Method", "Overall accuracy", "Mean F1", "Mean IoU", "Pixels")


def baseline_block(model_dir: Path, facts: Facts[Accuracy]) -> str:
    """A table of the forest's figures beside the network's; empty where the model folder has none.

    Raises:
        ModelError: the file of the figures is damaged.
    """
    baseline = Baseline.read(model_dir)
    if baseline is None:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(where)}</th><td>{method}</td>'
        f'<td class="num">{percent(a.overall_accuracy, 2)}</td><td class="num">{number(a.mean_f1, 4)}</td>'
        f'<td class="num">{number(a.mean_iou, 4)}</td><td class="num">{a.pixels:,}</td></tr>'
        for where, method, a in _rows(baseline, facts)
    )
    head = "".join(
        f'<th scope="col"{" class=num" if i > 1 else ""}>{name}</th>'
        for i, name in enumerate(_HEAD)
    )
    return (
        f"<h3>Beside a forest</h3>{note(_NOTE)}"
        '<div class="scroll"><table class="data"><caption class="sr">Network and forest</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _rows(baseline: Baseline, facts: Facts[Accuracy]) -> Iterator[tuple[str, str, Accuracy]]:
    """Where, by what, and how well: the network first, as far as it was scored on the same pixels."""
    trained = find_accuracy(facts.card.metrics, "model.json")
    known = [score.accuracy for score in facts.scores]
    known += [trained] if isinstance(trained, Accuracy) else []
    for score in baseline.scores:
        where = f"{_TITLES.get(score.split, score.split)} of {score.samples}"
        network = next((a for a in known if score.same_pixels(a)), None)
        if network is not None:
            yield where, "Network", network
        yield where, "Forest", score.accuracy
