"""The report of a model that gives the class of an image: figures of its table, and the pictures shown."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from reported import CLASSES, Page, save_card
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, roc_auc_score

from geoloom.analysis.report import report
from geoloom.core.errors import ModelError
from geoloom.core.outputs import ClassOutputs
from geoloom.figures.sheets import thumbnail
from geoloom.testing.models import plain_card

NAMES = CLASSES.names


@pytest.fixture
def case(tmp_path):
    """A model, 90 small pictures in folders of classes, and the table of its answers."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 90)
    scores = rng.dirichlet(np.ones(3), 90)
    scores[np.arange(90), truth] += 0.4
    scores /= scores.sum(axis=1, keepdims=True)
    files = [f"{NAMES[t]}/{i}.png" for i, t in enumerate(truth)]
    for name in NAMES:
        (tmp_path / "pictures" / name).mkdir(parents=True)
    for i, file in enumerate(files):
        pixels = np.full((12, 12, 3), 2 * i, np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / file)
    table = pd.DataFrame(
        {
            "file": files,
            "split": np.where(
                np.arange(90) < 30, "train", np.where(np.arange(90) < 50, "val", "test")
            ),
            "truth": np.array(NAMES, object)[truth],
            "class": np.array(NAMES, object)[scores.argmax(axis=1)],
            **{f"p_{name}": scores[:, k] for k, name in enumerate(NAMES)},
        }
    )
    table.to_csv(tmp_path / "answers.csv", index=False)
    chips = {"path": str(tmp_path / "pictures"), "validation_path": str(tmp_path / "pictures")}
    card = plain_card(
        "timm/resnet18", {}, ("red", "green", "blue"), CLASSES, config={"chips": chips}
    )
    save_card(tmp_path / "model", replace(card, outputs=ClassOutputs(CLASSES, per="image")))
    return tmp_path, table, scores


def page_of(folder, product, **options):
    out = report(folder / "model", product, folder / "r.html", overwrite=True, **options)
    return Page(out.read_text("utf-8"))


def test_figures_of_test_images_are_those_of_scikit_learn(case):
    folder, table, scores = case
    page = page_of(folder, folder / "answers.csv")
    tested = table[table["split"] == "test"]
    t, m = tested["truth"], tested["class"]
    assert "Accuracy on test images" in page.text
    assert f"{100 * accuracy_score(t, m):.2f} %" in page.text.replace("\u202f", " ")
    assert f"{cohen_kappa_score(t, m):.4f}" in page.text
    assert f"{f1_score(t, m, average='macro'):.4f}" in page.text
    for k, name in enumerate(NAMES):
        area = roc_auc_score(t == name, scores[50:, k])
        shown = re.search(rf"Area under each:.*?\b{name} (\d[.]\d+)", page.text)[1]
        assert float(shown) == pytest.approx(
            area, abs=0.01
        )  # of 40 images, one pair in a bin is 0.001
    head = page.text[: page.text.index("Mean class accuracy")]
    assert "Overall accuracy" in head
    assert "40 images scored" in head


def test_wrong_and_right_answers_are_shown_with_their_pictures(case):
    folder, table, _ = case
    page = page_of(folder, folder / "answers.csv")
    tested = table[table["split"] == "test"]
    wrong = int((tested["truth"] != tested["class"]).sum())
    assert f"{wrong:,} answers are wrong, {40 - wrong} right" in page.text
    sheets = [a["alt"] for tag, a in page.tags if tag == "img"]
    assert [alt.split(",")[0] for alt in sheets] == ["Wrong answers", "Right answers"]
    (folder / "pictures").rename(folder / "elsewhere")
    assert not [1 for tag, _ in page_of(folder, folder / "answers.csv").tags if tag == "img"]
    moved = page_of(folder, folder / "answers.csv", chips=folder / "elsewhere")
    assert len([1 for tag, _ in moved.tags if tag == "img"]) == 2


def test_there_is_no_map_and_links_lead_somewhere(case):
    folder, *_ = case
    page = page_of(folder, None)
    assert "No accuracy is known of this model" in page.text
    links = {a["href"][1:] for tag, a in page.tags if tag == "a"}
    assert links <= {a["id"] for _, a in page.tags if "id" in a}
    assert "map" not in links
    assert "Leaflet 1.9.4 (" not in page.text
    assert len([t for t, _ in page.tags if t == "script"]) == 1


def test_images_that_chose_the_weights_do_not_lead(case):
    folder, table, _ = case
    table[table["split"] != "val"].to_csv(folder / "answers.csv", index=False)
    page = page_of(folder, folder / "answers.csv")
    assert "no other images to choose the best epoch on" in page.text
    assert "is not known" in page.text
    assert not [1 for _, a in page.tags if a.get("class") == "tile"]


def test_a_table_of_others_is_refused(case):
    folder, table, _ = case
    table.rename(columns={"p_water": "p_lava"}).to_csv(folder / "other.csv", index=False)
    with pytest.raises(ModelError, match="lacks the columns p_water"):
        page_of(folder, folder / "other.csv")
    with pytest.raises(ModelError, match="is no table of answers"):
        page_of(folder, folder / "map.tif")
    (folder / "answers.csv.run.json").write_text(
        json.dumps({"model": "/elsewhere/model", "model_fingerprint": "another"})
    )
    with pytest.raises(ModelError, match="in another state"):
        page_of(folder, folder / "answers.csv")


def test_photographs_are_shown_as_they_are_and_other_numbers_stretched():
    seen = np.array([[True, True, False]])
    photo = np.arange(9, dtype=np.uint8).reshape(3, 1, 3)
    shown = thumbnail(photo, seen, ("red", "green", "blue"))
    assert shown[0, :2, 0].tolist() == [0, 1]
    assert shown[0, :2, 2].tolist() == [6, 7]
    assert shown[0, :, 3].tolist() == [255, 255, 0]
    wide = thumbnail(np.array([[[0, 1000, 9000]]], np.uint16), seen, ("1",))
    assert wide[0, :2, 0].tolist() == [0, 255]
