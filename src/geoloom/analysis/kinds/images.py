"""The report of a model that gives the class of an image."""

from __future__ import annotations

import logging
from html import escape
from typing import TYPE_CHECKING

from ...core.errors import ReadError
from ...figures.sheets import plot_sheet, thumbnail
from ...figures.style import ERROR, MUTED
from ...io.pictures.read import picture_infos, read_picture
from ..content import Content, Section
from ..evidence.facts import Request
from ..evidence.images import ImageModel
from ..sections.class_accuracy import IMAGES, class_accuracy_section, class_sentences, class_tiles
from ..sections.html import note, png, tiles
from ..sections.maps import maker
from ..sections.method import method_section
from ..sections.training import training_section
from .class_map import listed

if TYPE_CHECKING:
    import pandas as pd

    from ...models.card import ModelCard

log = logging.getLogger(__name__)

_EACH = 12
"""Pictures on a sheet."""
_MOST_NAMED = 4
_NOTES = (
    "All figures of a table come from one confusion matrix, in which every image counts once. Rows are the "
    "truth, columns the answer: the class of the largest probability. Images without a label take part in no "
    "figure. Means give each class of the truth equal weight; a class of the truth that is never answered "
    "counts as 0."
)


def content(request: Request, card: ModelCard) -> Content:
    """The page; raises as `ImageModel.of`."""
    evidence = ImageModel.of(request, card)
    facts, classes = evidence.facts, card.classes
    files = [] if evidence.answers is None else [("Answers", evidence.answers.path.name)]
    if evidence.pictures is not None:
        files.append(("Images", evidence.pictures.name))
    sections = (
        class_accuracy_section(facts.scores, classes, IMAGES),
        _samples(evidence),
        training_section(facts, ("Classes", ", ".join(classes.names)), ()),
        method_section(facts, _NOTES, files),
    )
    sentences = class_sentences(facts.leading, facts.scores, IMAGES)
    of = f"{len(classes)} classes" if len(classes) > _MOST_NAMED else listed(classes.names)
    return Content(
        kicker="Model report",
        title=escape(f"Images of {of}"),
        subtitle=f"<b>{escape(request.model_dir.name)}</b>, a network of type {maker(facts)}",
        lead=" ".join(s for s in sentences if s),
        tiles=tiles(class_tiles(facts.leading, IMAGES)),
        sections=tuple(section for section in sections if section is not None),
    )


def _samples(evidence: ImageModel) -> Section | None:
    """Pictures that were classified wrongly, the surest errors first, and rightly, the least sure first."""
    answers = evidence.answers
    if answers is None or evidence.pictures is None or "file" not in answers.table:
        return None
    split, rows = answers.judged()
    wrong = rows[rows["truth"].astype(str) != rows["class"].astype(str)]
    right = rows[rows["truth"].astype(str) == rows["class"].astype(str)]
    best = [f"p_{name}" for name in answers.classes.names]
    surest = wrong.assign(_p=wrong[best].max(axis=1)).sort_values("_p", ascending=False)
    doubted = right.assign(_p=right[best].max(axis=1)).sort_values("_p")
    sheets = [
        _sheet(evidence, surest[:_EACH], "Wrong answers, the surest first", ERROR),
        _sheet(evidence, doubted[:_EACH], "Right answers, the least sure first", MUTED),
    ]
    body = "".join(sheet for sheet in sheets if sheet)
    if not body:
        return None
    which = f"of the split {escape(split)}" if split else "of the table"
    text = f"Labelled images {which}: {len(wrong):,} answers are wrong, {len(right):,} right."
    return Section("images", "Images", "Images", note(text) + body)


def _sheet(evidence: ImageModel, rows: pd.DataFrame, title: str, color: str) -> str:
    folder = evidence.pictures
    assert folder is not None  # the caller has looked
    pictures, texts = [], []
    for row in rows.to_dict("records"):
        path = folder / str(row["file"])
        try:
            (info,) = picture_infos([str(path)])
            if isinstance(info, ReadError):
                raise info
            picture = read_picture(path)
        except ReadError as error:
            log.warning("%s is not shown: %s", path, error)
            continue
        pictures.append(thumbnail(picture.values, picture.valid, info.band_names))
        same = str(row["truth"]) == str(row["class"])
        answer = f"{row['class']} {row['_p']:.2f}"
        texts.append(answer if same else f"{answer}\nis {row['truth']}")
    if not pictures:
        return ""
    figure = plot_sheet(pictures, texts, [color] * len(pictures))
    caption = (
        f"{title}: the answer with its probability, and below it the truth where it is another."
    )
    return png(figure, caption, wide=True)
