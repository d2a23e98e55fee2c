"""A model maps the same ground alike in whatever scale it is stored, and refuses other quantities."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

import geoloom as gl
from geoloom.chips import cut_chips
from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.datasets import Sentinel2
from geoloom.evaluation.evaluate import evaluate
from geoloom.inference.predict import predict
from geoloom.models.saved import load_model

SIZE = 64
CLASSES = Classes.of(["forest", "water"], codes=[4, 7])
PLACE = {"crs": "EPSG:32622", "transform": Affine(10, 0, 600_000, 0, -10, 9_300_000)}
ROLES = ("red", "nir")
SAFE = "S2A_MSIL2A_20220301T100000_{}_R122_T22MGB_20220301T120000.SAFE"


def write(path, values, unit=None, scale=1.0, offset=0.0, names=ROLES):
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "count": len(values), "height": SIZE, "width": SIZE}
    with rasterio.open(path, "w", dtype=values.dtype, **profile, **PLACE) as target:
        target.write(values)
        if names:
            target.descriptions = names
        if unit:
            target.units = [unit] * len(values)
        target.scales, target.offsets = [scale] * len(values), [offset] * len(values)
    return path


@pytest.fixture(scope="module")
def counts():
    """(2, H, W) uint16, counts of 1/10000 of reflectance."""
    return np.random.default_rng(0).integers(1000, 5000, (2, SIZE, SIZE)).astype("uint16")


@pytest.fixture(scope="module")
def truth(counts, tmp_path_factory):
    codes = np.where(counts[1] > 3000, 4, 7).astype("uint8")
    return write(tmp_path_factory.mktemp("truth") / "labels.tif", codes[None], names=None)


def trained(folder, scene, truth):
    chips = cut_chips(
        scene, folder / "c.zarr", labels=truth, classes=CLASSES, size=16, count=12, split=None
    )
    return gl.train(
        chips, folder / "m", width=0.05, epochs=2, batch_size=4, progress=False, device="cpu"
    )


@pytest.fixture(scope="module")
def model(counts, truth, tmp_path_factory):
    """Trained on counts with a scale."""
    folder = tmp_path_factory.mktemp("model")
    scene = write(folder / "scene.tif", counts, "surface_reflectance", 1e-4)
    return trained(folder, scene, truth)


def mapped(model, scene, out, **options):
    """Map, and probabilities."""
    predict(model, scene, out, probabilities=out.with_suffix(".p.tif"), **options)
    with rasterio.open(out) as codes, rasterio.open(out.with_suffix(".p.tif")) as scores:
        return codes.read(1), scores.read()


def same_quantity(counts):
    """The scene in other scales: what is stored, its scale and offset."""
    return {
        "reflectance": ((counts * np.float64(1e-4)).astype("float32"), 1.0, 0.0),
        "percent": ((counts * np.float64(1e-2)).astype("float32"), 0.01, 0.0),
        "baseline 04.00": (counts + np.uint16(1000), 1e-4, -0.1),
        "Landsat": ((counts * 1e-4 + 0.2) / 2.75e-5, 2.75e-5, -0.2),
    }


def test_a_card_says_what_the_network_was_fed(model):
    card = load_model(model).card
    expected = [Band(name, name, unit="surface_reflectance", scale=1e-4) for name in ROLES]
    assert list(card.bands) == expected
    assert (card.dtype, card.dates, card.plugin, card.initial_weights) == ("uint16", 1, None, None)
    assert card.outputs.short == "2 classes (forest, water) per pixel"
    assert json.loads((model / "model.json").read_text())["format"] == 2


@pytest.mark.parametrize("scale", ["reflectance", "percent", "baseline 04.00", "Landsat"])
def test_one_scene_in_any_scale_gives_one_map(model, counts, tmp_path, scale):
    own = write(tmp_path / "own.tif", counts, "surface_reflectance", 1e-4)
    codes, scores = mapped(model, own, tmp_path / "own_map.tif")
    assert len(np.unique(codes)) == 2
    values, *scaling = same_quantity(counts)[scale]
    other = write(tmp_path / "other.tif", values, "surface_reflectance", *scaling)
    again, near = mapped(model, other, tmp_path / "other_map.tif")
    np.testing.assert_allclose(near, scores, atol=1e-5)
    np.testing.assert_array_equal(again, codes)
    record = json.loads((tmp_path / "other_map.tif.run.json").read_text())
    assert [c["scale"] for c in record["conversions"]] == [scaling[0]] * 2


def products(folder, counts, baseline, offset):
    """A SAFE folder of a product of level 2A."""
    safe = folder / SAFE.format(baseline)
    for i, band in enumerate(("B04", "B08")):
        values = (counts[i : i + 1] + np.uint16(offset)).astype("uint16")
        write(safe / f"T22MGB_20220301T100000_{band}_10m.tif", values, names=None)
    return Sentinel2(folder, bands=["B04", "B08"])


def test_products_of_any_baseline_are_scored_alike(counts, truth, tmp_path):
    before = products(tmp_path / "before", counts, "N0301", 0)
    after = products(tmp_path / "after", counts, "N0400", 1000)
    model = trained(tmp_path, before, truth)
    assert load_model(model).card.bands[0].unit == "surface_reflectance"
    cut = {"labels": truth, "classes": CLASSES, "size": 16, "strategy": "sequential", "split": None}
    old, new = (cut_chips(d, tmp_path / f"{i}.zarr", **cut) for i, d in enumerate((before, after)))
    assert new.bands[0].offset == -0.1
    assert int(new.image(3).min()) == int(old.image(3).min()) + 1000
    scored = evaluate(model, old), evaluate(model, new)
    assert np.array_equal(scored[0].matrix, scored[1].matrix)
    assert scored[1].log_loss == pytest.approx(scored[0].log_loss, abs=1e-5)
    stacked = write(
        tmp_path / "stacked.tif", counts + np.uint16(1000), "surface_reflectance", 1e-4, -0.1
    )
    own = write(tmp_path / "own.tif", counts, "surface_reflectance", 1e-4)
    maps = [mapped(model, scene, tmp_path / f"{scene.stem}_m.tif") for scene in (own, stacked)]
    np.testing.assert_array_equal(maps[0][0], maps[1][0])
    np.testing.assert_allclose(maps[0][1], maps[1][1], atol=1e-5)


def test_another_unit_is_refused_by_name_before_anything_is_written(model, counts, truth, tmp_path):
    toa = write(tmp_path / "toa.tif", counts, "toa_reflectance", 1e-4)
    said = (
        r"band 'red' of .*toa.tif is toa_reflectance, the model was trained on surface_reflectance: "
        ".*--unit surface_reflectance"
    )
    with pytest.raises(ModelError, match=said):
        predict(model, toa, tmp_path / "map.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toa.tif"]
    with pytest.raises(ModelError, match=said):
        evaluate(model, toa, truth=truth)
    chips = cut_chips(
        toa, tmp_path / "c.zarr", labels=truth, classes=CLASSES, size=16, count=4, split=None
    )
    with pytest.raises(ModelError, match="is toa_reflectance, the model was trained on surface"):
        evaluate(model, chips)


def test_an_undeclared_unit_is_refused_until_it_is_declared(model, counts, truth, tmp_path):
    own = write(tmp_path / "own.tif", counts, "surface_reflectance", 1e-4)
    codes, scores = mapped(model, own, tmp_path / "own_map.tif")
    silent = write(tmp_path / "silent.tif", (counts * 1e-4).astype("float32"))
    said = r"no unit is declared for band 'red' of .*silent.tif; .* --unit surface_reflectance"
    with pytest.raises(ModelError, match=said):
        predict(model, silent, tmp_path / "map.tif")
    again, near = mapped(model, silent, tmp_path / "map.tif", unit="surface_reflectance")
    np.testing.assert_array_equal(again, codes)
    np.testing.assert_allclose(near, scores, atol=1e-5)
    with pytest.raises(ModelError, match="no unit is declared"):
        evaluate(model, silent, truth=truth)
    figures = [
        evaluate(model, scene, truth=truth, unit=unit).log_loss
        for scene, unit in ((own, None), (silent, "surface_reflectance"))
    ]
    assert figures[1] == pytest.approx(figures[0], abs=1e-5)


def test_units_are_declared_for_all_bands_or_each(model, counts, tmp_path):
    toa = write(tmp_path / "toa.tif", counts, "toa_reflectance", 1e-4)
    with pytest.raises(ModelError, match="3 units are given"):
        predict(model, toa, tmp_path / "map.tif", unit=("K", "K", "K"))
    assert predict(model, toa, tmp_path / "map.tif", unit=("surface_reflectance",) * 2).exists()


def test_an_analysts_bytes_without_tags_work_with_one_line(counts, truth, tmp_path, caplog):
    stretched = (counts // 20).astype("uint8")
    scene = write(tmp_path / "scene.tif", stretched, names=None)
    model = trained(tmp_path, scene, truth)
    caplog.clear()
    caplog.set_level("INFO", logger="geoloom")
    predict(model, scene, tmp_path / "map.tif")
    lines = [record.getMessage() for record in caplog.records if "unit" in record.getMessage()]
    assert len(lines) == 1
    assert "no unit is declared for 1, 2 of" in lines[0]
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    with pytest.raises(ModelError, match=r"red.tif or .* their types differ"):
        predict(model, write(tmp_path / "red.tif", counts, names=None), tmp_path / "m2.tif")
    tagged = write(tmp_path / "dn.tif", stretched, "DN", names=None)
    with pytest.raises(ModelError, match=r"dn.tif is DN, and no unit is declared .*--unit none"):
        predict(model, tagged, tmp_path / "m3.tif")
    predict(model, tagged, tmp_path / "m3.tif", unit="none")
    assert (tmp_path / "m3.tif").read_bytes() == (tmp_path / "map.tif").read_bytes()
