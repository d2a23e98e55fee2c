"""The report: one file, no network, the right numbers, nothing that a file's names could inject."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image
from pyproj import Geod, Transformer
from reported import CLASSES, Page, headline, make_map, report_of, save_card
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from geoloom.analysis.report import report
from geoloom.analysis.tables import percent
from geoloom.chips.store import ChipWriter
from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError, VectorError, WriteError
from geoloom.metrics.accuracy import Accuracy
from geoloom.metrics.baseline import Baseline, BaselineScore
from geoloom.metrics.class_tally import ClassTally
from geoloom.metrics.subject import Subject
from geoloom.models.identity import file_hash, folder_hash
from geoloom.testing.models import plain_card
from geoloom.testing.simulate import simulated_scene
from geoloom.transforms.normalize import Normalization

HISTORY = [
    {"epoch": i + 1, "train_loss": 1 / (i + 1), "val_loss": 1.2 / (i + 1), "val_f1": i / 5}
    for i in range(4)
]


def on_test_chips(accuracy, folder):
    """The figures as `evaluate` writes them for the model in a folder."""
    return replace(accuracy, subject=Subject("chips", folder_hash(folder), "chips.zarr", "test"))


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    made = simulated_scene(folder, size_px=200, seed=4)
    truth, mapped = make_map(made, folder / "map.tif")
    rule = Normalization("mean_std", (0.0,) * 6, (1.0,) * 6)
    card = plain_card(
        "unet", {"width": 0.25}, made.bands, CLASSES, normalization=rule.to_dict(), gsd=30.0,
        chip_size_px=64, config={"epochs": 4, "learning_rate": 0.001},
    )  # fmt: skip
    save_card(folder / "model", card)
    (folder / "model" / "history.json").write_text(json.dumps(HISTORY))
    record = {"scene": "scene.tif", "finished": "2026-03-01T10:00:00+00:00", "halo": 32}
    (folder / "map.tif.run.json").write_text(json.dumps(record))
    with ChipWriter(
        folder / "chips.zarr", channels=1, size=32, dtype="uint16", bands=["SR_B2"]
    ) as writer:
        for i, split in enumerate(["train", "train", "test"]):
            placed = made.grid.affine.__class__(*made.grid[i * 40 : i * 40 + 32, 60:92].affine[:6])
            writer.add(
                np.ones((1, 32, 32), np.uint16), crs="EPSG:32720", transform=tuple(placed[:6]),
                source="scene.tif", row=i * 40, col=60, split=split,
            )  # fmt: skip
    rng = np.random.default_rng(1)
    scores = rng.dirichlet(np.ones(3), 4000).T + 0.8 * (
        np.arange(3)[:, None] == rng.integers(0, 3, 4000)
    )
    wanted = rng.integers(0, 3, 4000)
    scores[wanted, np.arange(4000)] += 0.7
    tested = Accuracy.of(
        ClassTally.of_probabilities(wanted[None], (scores / scores.sum(0))[:, None]), CLASSES
    )
    written = on_test_chips(tested, folder / "model").to_dict()
    (folder / "model.test.json").write_text(json.dumps(written))
    return folder, made, truth, mapped, tested


@pytest.fixture(scope="module")
def page(case):
    folder, made, *_ = case
    out = report(
        folder / "model", folder / "map.tif", folder / "report.html",
        truth=made.truth, chips=folder / "chips.zarr",
    )  # fmt: skip
    assert out == folder / "report.html"
    assert out.stat().st_size < 10e6
    return Page(out.read_text(encoding="utf-8"))


def test_nothing_is_loaded_from_anywhere(page):
    loading = {"src", "href", "srcset", "data", "poster", "action", "xlink:href"}
    for tag, attributes in page.tags:
        for name in loading & set(attributes):
            value = attributes[name]
            assert value.startswith(("data:image/", "#")), (tag, name, value[:80])
        assert "url(http" not in (attributes.get("style") or "")
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe", "object", "embed", "base")]
    for style in page.styles:
        assert "@import" not in style
        assert "url(" not in style
    own = [s for s in page.scripts if "leafletjs.com" not in s]
    for script in own:
        assert not re.search(r"fetch\(|XMLHttpRequest|import\(|https?://", script)
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv"))
    assert "default-src 'none'" in policy
    assert "sourceMappingURL" not in "".join(page.scripts)


def test_test_chips_lead_and_their_figures_are_there(page, case):
    tested = case[4]
    assert "Accuracy on test chips" in page.text
    assert f"{100 * tested.overall_accuracy:.1f} %" in page.text
    for value in (*tested.precision, *tested.recall, *tested.f1, *tested.iou, *tested.auc):
        assert f"{value:.3f}" in page.text
    for count in np.ravel(tested.matrix):
        assert f"{count:,}" in page.text
    assert page.text.index("Accuracy on test chips") < page.text.index(
        "Agreement over the whole map"
    )


def test_agreement_over_the_map_is_what_scikit_learn_counts(page, case):
    _, _, truth, mapped, _ = case
    both = (truth > 0) & (mapped > 0)
    t, m = truth[both], mapped[both]
    block = page.text[page.text.index("Agreement over the whole map") :]
    assert f"{100 * accuracy_score(t, m):.2f} %" in block
    assert f"{cohen_kappa_score(t, m):.4f}" in block
    assert f"{f1_score(t, m, average='macro'):.4f}" in block


def test_areas_are_those_of_pixels_on_the_ellipsoid(page, case):
    """By geodesics around the middle pixel: over 6 km, the projection's scale varies by 2e-6."""
    mapped, grid = case[3], case[1].grid
    corners = [
        grid.affine @ (col, row) for col, row in ((100, 100), (100, 101), (101, 101), (101, 100))
    ]
    lon, lat = Transformer.from_crs(32720, 4326, always_xy=True).transform(*np.transpose(corners))
    pixel_ha = abs(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0]) / 1e4
    block = page.text[page.text.index("Hectares") :]
    for code in (1, 2, 3):
        pixels = int((mapped == code).sum())
        assert f"{pixels:,}" in block
        shown = re.search(rf"{pixels:,} ([\d,.]+) ", block)[1]
        assert float(shown.replace(",", "")) == pytest.approx(pixels * pixel_ha, abs=0.6)
    assert f"{(mapped == 0).sum():,} pixels carry no class" in block


def test_layers_show_map_truth_and_their_differences(page, case):
    _, _, truth, mapped, _ = case
    data = page.data()
    assert [layer["key"] for layer in data["layers"]] == [
        "scene-false", "scene-true", "prediction", "truth", "errors",
    ]  # fmt: skip

    def pixels(key):
        uri = next(layer["src"] for layer in data["layers"] if layer["key"] == key)
        raw = base64.b64decode(uri.split(",")[1])
        return np.array(Image.open(io.BytesIO(raw)).convert("RGBA"))

    shown = pixels("prediction")
    for name, code, color in CLASSES:
        rgba = (*bytes.fromhex(color[1:]), 255)
        np.testing.assert_array_equal((shown == rgba).all(-1), mapped == code, err_msg=name)
        # Polygons are burned at pixel centres by both; ties on an edge may fall either way.
        assert ((pixels("truth") == rgba).all(-1) != (truth == code)).mean() < 1e-3
    assert (shown[mapped == 0][:, 3] == 0).all()
    wrong = (truth != mapped) & (mapped > 0) & (truth > 0)
    assert ((pixels("errors")[..., 3] == 255) != wrong).mean() < 1e-3
    scene = pixels("scene-false")
    assert (scene[mapped == 0][:, 3] == 0).mean() > 0.99


def test_the_page_interpolates_coordinates_as_pyproj_has_them(page, case):
    data, grid = page.data(), case[1].grid
    n, lon = data["nodes"], np.array(data["lon"])
    to_degrees = Transformer.from_crs(32720, 4326, always_xy=True)
    expected = to_degrees.transform(*(grid.affine @ (data["width"], 0)))
    assert (lon[0, n - 1], np.array(data["lat"])[0, n - 1]) == pytest.approx(expected, abs=1e-6)
    middle = (lon[3, 3] + lon[3, 4]) / 2
    at = (data["width"] * 3.5 / (n - 1), data["height"] * 3 / (n - 1))
    assert middle == pytest.approx(to_degrees.transform(*(grid.affine @ at))[0], abs=1e-6)


def test_everything_else_is_there(page):
    for said in (
        "Model and training", "best at epoch 4", "Where the 3 chips lie", "train 2, test 1",
        "Histogram of each band", "Training settings, as run", "learning_rate 0.001", "halo 32",
        "WGS 84 / UTM zone 20S (EPSG:32720)", "1 March 2026", "Vladimir Agafonkin", "rasterio",
    ):  # fmt: skip
        assert said in page.text.replace("Volodymyr", "Vladimir"), said
    described = [
        a["aria-label"] for _, a in page.tags if a.get("role") == "img" and "aria-label" in a
    ]
    assert any("ROC curves" in d for d in described)
    assert all(a.get("alt") for tag, a in page.tags if tag == "img")
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_links_within_the_page_lead_somewhere(page):
    ids = {a["id"] for _, a in page.tags if "id" in a}
    links = [a[n][1:] for _, a in page.tags for n in ("href", "xlink:href") if n in a]
    assert set(links) <= ids


EVIL = "<script>alert(1)</script>\"'&"


def test_names_from_files_cannot_become_markup(case, tmp_path):
    made = case[1]
    classes = Classes(("forest", EVIL, "water"), (1, 2, 3), CLASSES.colors)
    card = plain_card("unet", {EVIL: EVIL}, (EVIL, "b"), classes, config={EVIL: {EVIL: [EVIL]}})
    save_card(tmp_path / "model", card)
    make_map(made, tmp_path / "a<b>&'.tif", classes)
    accuracy = Accuracy.of(
        ClassTally.of_classes(np.array([[0, 1, 2, 1]]), np.array([[0, 0, 2, 1]]), 3), classes
    )
    out = report(
        tmp_path / "model", tmp_path / "a<b>&'.tif", tmp_path / "r.html",
        scene=made.scene, accuracy=accuracy,
    )  # fmt: skip
    page = Page(out.read_text(encoding="utf-8"))
    assert not [s for s in page.scripts if s.strip() == "alert(1)"]
    assert page.data()["classes"][1]["name"] == EVIL
    assert EVIL in page.text
    assert len([t for t, _ in page.tags if t == "script"]) == 4


def test_a_model_and_a_map_are_enough(case, tmp_path):
    made = case[1]
    save_card(tmp_path / "model", plain_card("fcn8s", {}, made.bands, CLASSES))
    make_map(made, tmp_path / "map.tif")
    out = report(tmp_path / "model", tmp_path / "map.tif", tmp_path / "r.html")
    page = Page(out.read_text(encoding="utf-8"))
    assert "No accuracy was given" in page.text
    assert [layer["key"] for layer in page.data()["layers"]] == ["prediction"]


def test_figures_are_known_by_what_they_were_counted_on_and_not_by_times(case, tmp_path, caplog):
    _, made, _, _, tested = case
    save_card(tmp_path / "model", plain_card("unet", {}, made.bands, CLASSES))
    make_map(made, tmp_path / "map.tif")
    kept = tmp_path / "model.test.json"
    kept.write_text(json.dumps(on_test_chips(tested, tmp_path / "model").to_dict()))
    os.utime(kept, (1, 1))  # as after copying the folder
    page = report_of(tmp_path)
    assert "Accuracy on test chips" in page.text
    (tmp_path / "model" / "weights.safetensors").write_bytes(b"trained again")
    os.utime(tmp_path / "model" / "weights.safetensors", (0, 0))
    page = report_of(tmp_path)
    assert "Accuracy on test chips" not in page.text
    assert "evaluate again" in caplog.text


@pytest.mark.parametrize("kind", ["validation", "train", "unsaid"])
def test_the_headline_has_independent_figures_or_none(case, tmp_path, kind):
    """Neither agreement over training ground, nor chips that chose or taught the weights."""
    _, made, _, _, tested = case
    card = plain_card("unet", {}, made.bands, CLASSES)
    options = {}
    if kind == "validation":
        card = replace(card, metrics=tested.to_dict(curves=False))
    save_card(tmp_path / "model", card)
    make_map(made, tmp_path / "map.tif")
    if kind == "train":
        trained = replace(on_test_chips(tested, tmp_path / "model").subject, split="train")
        options = {"accuracy": replace(tested, subject=trained)}
    elif kind == "unsaid":
        options = {"accuracy": tested}
    page = report_of(tmp_path, **options)
    assert "Overall accuracy" in page.text
    assert "Overall accuracy" not in headline(page)
    assert "carry their true class" not in page.text
    assert "is not known" in page.text


@pytest.mark.parametrize(
    ("bounds", "leads"),
    [((0.5, 0, 1, 1), True), ((0.3, 0, 1, 1), False), (None, False)],
)
def test_a_map_leads_with_figures_of_ground_without_training_chips(case, tmp_path, bounds, leads):
    """The training chips lie in columns 60 to 91 of 200."""
    folder, made, _, _, tested = case
    save_card(tmp_path / "model", plain_card("unet", {}, made.bands, CLASSES))
    make_map(made, tmp_path / "map.tif")
    left, bottom, right, top = made.grid.boundingbox.bbox
    if bounds is not None:
        across = [left + share * (right - left) for share in bounds[::2]]
        bounds = (across[0], bottom, across[1], top)
    subject = Subject("map", file_hash(tmp_path / "map.tif"), bounds=bounds)
    page = report_of(
        tmp_path, accuracy=replace(tested, subject=subject), chips=folder / "chips.zarr"
    )
    assert ("Overall accuracy" in headline(page)) is leads


def test_test_chips_that_chose_the_weights_do_not_lead(case, tmp_path):
    _, made, _, _, tested = case
    chips = {"path": "/a/chips.zarr", "validation_path": "/a/chips.zarr", "validation": 5}
    save_card(
        tmp_path / "model", plain_card("unet", {}, made.bands, CLASSES, config={"chips": chips})
    )
    make_map(made, tmp_path / "map.tif")
    subject = Subject("chips", "some model", "chips.zarr", "test", chooses=True)
    page = report_of(tmp_path, accuracy=replace(tested, subject=subject))
    assert "slightly optimistic" in page.text
    assert "Overall accuracy" not in headline(page)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("classes", "forest"), ("classes", [1, 2, 3]), ("matrix", [[1]]), ("matrix", 7),
        ("matrix", [["a"] * 3] * 3), ("matrix", [[-1, 0, 0]] * 3), ("overall_accuracy", "high"),
        ("kappa", [1]), ("precision", [0.5]), ("iou", {"a": 1}), ("roc", 3), ("roc", [[1, 2]] * 3),
        ("roc", [[[0, 1], [0]]] * 3), ("auc", ["x"] * 3), ("subject", 5), ("subject", {"kind": "car"}),
        ("subject", {"kind": "map", "bounds": [1, 2]}), ("overall_accuracy", 10**400),
    ],
)  # fmt: skip
def test_figures_of_wrong_types_are_refused_by_key(case, tmp_path, key, value):
    folder, *_, tested = case
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**tested.to_dict(), key: value}))
    with pytest.raises(ModelError, match=rf"a\.json: {key}"):
        report(folder / "model", folder / "map.tif", tmp_path / "r.html", accuracy=path)
    path.write_text("[" * 100_000)
    with pytest.raises(ModelError, match="too deep"):
        report(folder / "model", folder / "map.tif", tmp_path / "r.html", accuracy=path)


def test_validation_figures_of_the_card_are_the_last_resort(case, tmp_path):
    _, made, _, _, tested = case
    card = plain_card("unet", {}, made.bands, CLASSES)
    save_card(tmp_path / "model", replace(card, metrics=tested.to_dict(curves=False)))
    make_map(made, tmp_path / "map.tif")
    page = Page(
        report(tmp_path / "model", tmp_path / "map.tif", tmp_path / "r.html").read_text("utf-8")
    )
    assert "Accuracy on validation chips" in page.text
    assert f"{tested.kappa:.4f}" in page.text


def test_a_report_is_not_replaced_unasked(case, tmp_path):
    folder = case[0]
    out = tmp_path / "r.html"
    out.write_text("mine")
    with pytest.raises(WriteError, match="--overwrite"):
        report(folder / "model", folder / "map.tif", out)
    assert out.read_text() == "mine"
    with pytest.raises(WriteError, match="not a folder"):
        report(folder / "model", folder / "map.tif", tmp_path / "absent" / "r.html")


def test_truth_and_accuracy_that_do_not_fit_are_named(case, tmp_path):
    folder, made, *_ = case
    other = gpd.read_file(made.truth).assign(**{"class": "lava"})
    other.to_file(tmp_path / "other.gpkg")
    with pytest.raises(VectorError, match=r"no attribute of .*other\.gpkg"):
        report(
            folder / "model", folder / "map.tif", tmp_path / "r.html", truth=tmp_path / "other.gpkg"
        )
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ModelError, match="holds no accuracy"):
        report(
            folder / "model", folder / "map.tif", tmp_path / "r.html", accuracy=tmp_path / "a.json"
        )
    assert not (tmp_path / "r.html").exists()


def test_a_forest_stands_beside_the_network_where_both_count_the_same_pixels(case, tmp_path):
    folder, *_, tested = case
    truth = np.repeat(np.arange(3), tested.support)
    forest = Accuracy.of(ClassTally.of_classes(truth, np.zeros_like(truth), 3), CLASSES)
    elsewhere = Accuracy.of(ClassTally.of_classes(truth[:50], truth[:50], 3), CLASSES)
    scores = BaselineScore("chips.zarr", "val", elsewhere), BaselineScore("a<b", "test", forest)
    path = folder / "model" / "baseline.json"
    path.write_text(json.dumps(Baseline({"trees": 100}, scores).to_dict()))
    try:
        out = report(folder / "model", folder / "map.tif", tmp_path / "r.html")
    finally:
        path.unlink()
    text = Page(out.read_text("utf-8")).text
    table = text[text.index("Beside a forest") :]
    own, others = (percent(a.overall_accuracy, 2) for a in (tested, forest))
    of_network = f"test chips of a<b Network {own}".replace("\u202f", " ")
    of_forest = f"test chips of a<b Forest {others}".replace("\u202f", " ")
    assert table.index("validation chips of chips.zarr Forest 100.00 %") < table.index(of_network)
    assert table.index(of_network) < table.index(of_forest)
    assert "validation chips of chips.zarr Network" not in table
