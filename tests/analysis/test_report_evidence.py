"""Which figures a report shows, and which it leads with; which raster it takes for a map."""

from __future__ import annotations

import json
import os

import geopandas
import numpy as np
import pytest
from reported import CLASSES, headline, make_map, report_of, save_card
from sklearn.metrics import accuracy_score

from geoloom.analysis.report import report
from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.evaluation.maps import evaluate_map
from geoloom.io.write.cog import write_raster
from geoloom.metrics.accuracy import Accuracy
from geoloom.metrics.class_tally import ClassTally
from geoloom.testing.models import plain_card
from geoloom.testing.simulate import simulated_scene


@pytest.fixture
def case(tmp_path):
    """A model's card, its map and the truth, and nothing that says where the network has learned."""
    made = simulated_scene(tmp_path, size_px=160, seed=4)
    save_card(tmp_path / "model", plain_card("unet", {}, made.bands, CLASSES))
    return (tmp_path, made, *make_map(made, tmp_path / "map.tif"))


def evaluated(case, name):
    folder, made, truth, mapped = case
    evaluate_map(folder / "map.tif", made.truth, class_field="class", out=folder / name)
    both = (truth > 0) & (mapped > 0)
    return f"{100 * accuracy_score(truth[both], mapped[both]):.2f} %"


def test_agreement_over_training_ground_is_no_headline(case):
    folder, made, *_ = case
    page = report_of(folder, truth=made.truth)
    assert "Overall accuracy" in page.text
    assert "Overall accuracy" not in headline(page)
    assert "carry their true class" not in page.text


def test_what_evaluate_wrote_of_a_map_is_found_under_any_name(case):
    share = evaluated(case, "figures.json")
    page = report_of(case[0])
    assert "Accuracy of the map" in page.text
    assert share in page.text
    assert "Overall accuracy" not in headline(page)


def test_copying_a_folder_makes_no_figures_old(case):
    share = evaluated(case, "map.tif.accuracy.json")
    os.utime(case[0] / "map.tif.accuracy.json", (1, 1))
    assert share in report_of(case[0]).text


def test_figures_of_another_map_are_left_out_however_new(case, caplog):
    folder, made, *_ = case
    share = evaluated(case, "map.tif.accuracy.json")
    (folder / "map.tif").unlink()
    make_map(made, folder / "map.tif", seed=9)
    os.utime(folder / "map.tif", (1, 1))
    assert share not in report_of(folder).text
    assert "evaluate again" in caplog.text


def test_a_raster_that_is_no_map_of_the_model_is_refused(case):
    folder, made, *_ = case
    with pytest.raises(ModelError, match="carries no class names"):
        report(folder / "model", made.scene, folder / "r.html")
    other = Classes.of(["lava", "forest", "water"])
    make_map(made, folder / "other.tif", other)
    with pytest.raises(ModelError, match="is not a map of this model: it names its codes"):
        report(folder / "model", folder / "other.tif", folder / "r.html")
    record = {"model": "/elsewhere/model", "model_fingerprint": "another"}
    (folder / "map.tif.run.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="in another state"):
        report(folder / "model", folder / "map.tif", folder / "r.html")
    assert not (folder / "r.html").exists()


def test_numbers_for_names_make_no_title_and_degrees_are_given_in_metres(tmp_path):
    made = simulated_scene(tmp_path, size_px=160, seed=4)
    classes = Classes.of(["class 1", "class 2", "class 3"])
    card = plain_card("unet", {}, made.bands, classes, gsd=8.14913e-05, gsd_unit="degrees_north")
    save_card(tmp_path / "model", card)
    make_map(made, tmp_path / "map.tif", classes)
    (tmp_path / "model" / "history.json").write_text('[{"epoch": 1, "train_loss": 1.0}]')
    page = report_of(tmp_path)
    assert "Map of 3 classes" in page.text
    assert "0.0000815 degrees, about 9.06 m" in page.text
    assert "e-05" not in page.text
    (chart,) = (a for _, a in page.tags if "Loss and scores" in (a.get("aria-label") or ""))
    assert chart["style"] == "max-width:350px"


@pytest.mark.parametrize("count", [4, 5, 12])
def test_matrices_of_many_classes_stand_below_each_other(tmp_path, count):
    made = simulated_scene(tmp_path, size_px=160, seed=4)
    classes = Classes.of([f"kind {i}" for i in range(count)])
    save_card(tmp_path / "model", plain_card("unet", {}, made.bands, classes))
    make_map(made, tmp_path / "map.tif", classes)
    truth = np.arange(400) % count
    accuracy = Accuracy.of(ClassTally.of_classes(truth, truth, count), classes)
    page = report_of(tmp_path, accuracy=accuracy)
    kinds = [a.get("class") for tag, a in page.tags if tag in ("div", "table")]
    assert ("pair stacked" in kinds) is (count > 4)
    assert ("matrix dense" in kinds) is (count > 8)
    assert ("Share of the true class, per cent" in page.text) is (count > 8)


def test_a_map_without_holes_speaks_of_none(tmp_path):
    made = simulated_scene(tmp_path, size_px=160, seed=4)
    save_card(tmp_path / "model", plain_card("unet", {}, made.bands, CLASSES))
    write_raster(
        tmp_path / "map.tif", np.ones((1, 160, 160), np.uint8), made.grid, nodata=0,
        class_names={code: name for name, code, _ in CLASSES},
    )  # fmt: skip
    assert "Every pixel carries a class." in report_of(tmp_path).text


def test_truth_is_found_by_the_attribute_that_names_the_maps_classes_and_no_others(case):
    """PRODES has the year of clearing in one attribute, and the class in a later one."""
    folder, made, *_ = case
    frame = geopandas.read_file(made.truth)
    years = frame["class"].where(frame["class"] != "deforestation", "d2012")
    years.iloc[-1] = "deforestation"
    frame.insert(0, "class_name", years)
    frame.to_file(folder / "truth.shp")
    page = report_of(folder, truth=folder / "truth.shp")
    assert "truth.shp, attribute class gives a class" in page.text
    assert "d2012" not in page.text


def test_a_picture_is_no_truth_and_labels_are_no_map(case):
    folder, made, *_ = case
    with pytest.raises(ModelError, match="expected a label raster"):
        report(folder / "model", folder / "map.tif", folder / "r.html", truth=made.scene)
    (folder / "map.tif.run.json").write_text('{"verb": "rasterize"}')
    with pytest.raises(ModelError, match="was made by `geoloom rasterize`"):
        report(folder / "model", folder / "map.tif", folder / "r.html")
