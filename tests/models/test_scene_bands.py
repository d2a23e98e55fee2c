"""A scene's bands as a model's input: found by name, role or number, converted in its unit, or refused."""

import numpy as np
import pytest
import rasterio
import torch

from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.core.outputs import ClassOutputs
from geoloom.io.headers.header import read_header
from geoloom.models.card import ModelCard
from geoloom.models.scene_bands import SourceBands, find_input
from geoloom.testing.models import plain_card

BANDS = ("swir1", "nir", "red")
CLASSES = Classes.of(["forest", "water"])
COUNTS = Band("B4", "red", unit="surface_reflectance", scale=1e-4)


def source(*names, dtype="uint8", **known):
    bands = tuple(Band(name, **known) for name in names)
    numbers = tuple(range(1, len(bands) + 1))
    return SourceBands("scene.tif", bands, numbers, (dtype,) * len(bands))


def card_of(*bands, dtype="uint16"):
    return ModelCard("unet", {}, bands, ClassOutputs(CLASSES), dtype=dtype)


@pytest.mark.parametrize(
    ("model", "file", "expected"),
    [
        (BANDS, BANDS, (1, 2, 3)),
        (BANDS, ("blue", "red", "nir", "swir1"), (4, 3, 2)),  # by name, whatever the order
        (BANDS, ("1", "2", "3"), (1, 2, 3)),  # nothing to go by but the count
        (("band_1", "band_2"), ("B4", "B5"), (1, 2)),
        (BANDS, ("Band 1", "band_2", "3"), (1, 2, 3)),
    ],
)
def test_bands_are_found(model, file, expected):
    found = find_input(plain_card("unet", {}, model, CLASSES, dtype="uint8"), source(*file))
    assert (found.numbers, found.conversions) == (expected, ())


def test_bands_that_say_what_they_measure_are_found_by_it():
    model = card_of(COUNTS, Band("B5", "nir", unit="surface_reflectance", scale=1e-4))
    named = [("SR_B2", "blue"), ("SR_B4", "nir"), ("SR_B3", "red"), ("QA", "qa")]
    bands = tuple(
        Band(n, r, unit="surface_reflectance", scale=2.75e-5, offset=-0.2) for n, r in named
    )
    found = find_input(model, SourceBands("landsat.tif", bands, (1, 2, 3, 4), ("uint16",) * 4))
    assert found.numbers == (3, 2)
    with pytest.raises(
        ModelError, match="lacks band B4, B5"
    ):  # two are red: it is not for us to choose
        find_input(
            model, SourceBands("l.tif", (*bands, bands[2]), (1, 2, 3, 4, 5), ("uint16",) * 5)
        )


@pytest.mark.parametrize(
    ("model", "file", "said"),
    [
        (
            BANDS,
            ("blue", "nir", "red"),
            "lacks band swir1: it holds blue, nir, red, the model reads swir1, nir, red",
        ),
        (BANDS, ("B1", "B2", "B3"), "lacks band swir1, nir, red"),
        (("B1", "B2", "B3"), ("B4", "B5", "B6"), "lacks band B1, B2, B3"),
        (BANDS, ("1", "2"), r"has 2 bands \(1, 2\), the model reads 3"),
        (("band_1", "band_2"), ("a", "b", "c"), "has 3 bands"),
    ],
)
def test_wrong_bands_are_named(model, file, said):
    with pytest.raises(ModelError, match=said) as caught:
        find_input(plain_card("unet", {}, model, CLASSES), source(*file))
    assert "scene.tif" in str(caught.value)
    assert f"geoloom prepare SCENE OUT --name 1={model[0]}" in str(caught.value)


def test_a_file_tells_its_bands_and_alpha_is_none_of_them(tmp_path):
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "count": 4, "height": 40, "width": 40, "dtype": "uint8"}
    place = {"crs": "EPSG:32622", "transform": rasterio.transform.from_origin(0, 0, 30, 30)}
    with rasterio.open(path, "w", **profile, **place, photometric="RGB", alpha="YES") as target:
        target.write(np.full((4, 40, 40), 255, "uint8"))
        target.descriptions = ["red", None, None, None]
        target.units = ["surface_reflectance", "metre", "", ""]
        target.scales, target.offsets = (0.5, 1, 1, 1), (0.25, 0, 0, 0)
    known = SourceBands.of_file(read_header(path))
    assert known.numbers == (1, 2, 3)
    assert known.names == ("red", "2", "3")
    assert known.dtypes == ("uint8",) * 3
    first = Band("red", "red", unit="surface_reflectance", scale=0.5, offset=0.25)
    assert known.bands == (first, Band("2"), Band("3"))


@pytest.mark.parametrize(
    ("stored", "scale", "offset"),
    [(0.2345, 1.0, 0.0), (3345.0, 1e-4, -0.1), (2345.0, 1e-4, 0.0), (-27.655, 0.01, 0.51105)],
)
def test_one_quantity_in_any_scale_becomes_the_model_s_numbers(stored, scale, offset):
    model = card_of(COUNTS)
    given = source("B4", dtype="float32", unit="surface_reflectance", scale=scale, offset=offset)
    image = torch.full((2, 1, 3, 3), stored)
    found = find_input(model, given)
    torch.testing.assert_close(
        found.convert(image), torch.full_like(image, 2345.0), rtol=3e-7, atol=0
    )
    assert torch.equal(image, torch.full_like(image, stored))


def test_each_band_has_its_own_conversion():
    thermal = Band("T", "thermal", unit="K", scale=0.01, offset=100.0)
    given = SourceBands(
        "scene.tif",
        (Band("T", unit="K"), Band("B4", unit="surface_reflectance", scale=1e-4)),
        (1, 2),
        ("float32",) * 2,
    )
    found = find_input(card_of(COUNTS, thermal), given)
    assert found.numbers == (2, 1)
    image = torch.tensor([[2000.0, 300.0]]).view(1, 2, 1, 1)
    assert found.convert(image).flatten().tolist() == [2000.0, 20000.0]


@pytest.mark.parametrize(
    ("trained", "given", "said"),
    [
        ("surface_reflectance", "toa_reflectance",
         r"band 'B4' of scene.tif is toa_reflectance, the model was trained on surface_reflectance: .*"
         "--unit surface_reflectance"),
        ("surface_reflectance", None,
         r"no unit is declared for band 'B4' of scene.tif; .*--unit surface_reflectance"),
        (None, "DN", r"band 'B4' of scene.tif is DN, and no unit is declared for the .*--unit none"),
    ],
)  # fmt: skip
def test_another_unit_and_an_unknown_one_are_refused_by_name(trained, given, said):
    with pytest.raises(ModelError, match=said):
        find_input(card_of(Band("B4", unit=trained)), source("B4", dtype="uint16", unit=given))


def test_a_declared_unit_stands_in_for_what_the_source_says():
    model, silent = card_of(COUNTS), source("B4", dtype="uint16", scale=1e-4, offset=-0.1)
    found = find_input(model, silent, "surface_reflectance")
    assert found.convert(torch.full((1, 1, 1, 1), 3000.0)).item() == pytest.approx(2000, rel=1e-6)
    mistaken = source("B4", dtype="uint16", unit="toa_reflectance", scale=1e-4)
    assert find_input(model, mistaken, "surface_reflectance").conversions == ()
    unknown = card_of(Band("B4"))
    assert find_input(unknown, source("B4", dtype="uint16", unit="DN"), "none").numbers == (1,)
    with pytest.raises(
        ModelError, match=r"no unit is called 'surface_reflect'; did you mean 'surface_refl"
    ):
        find_input(model, silent, "surface_reflect")


def test_units_are_declared_for_all_bands_or_for_each():
    model = card_of(COUNTS, Band("T", unit="K"))
    given = source("B4", "T", dtype="uint16", scale=1e-4)
    for units in ("surface_reflectance,K", ("surface_reflectance", "K")):
        assert find_input(model, given, units).numbers == (1, 2)
    with pytest.raises(ModelError, match=r"3 units are given .* the model reads 2 bands"):
        find_input(model, given, "K,K,K")
    with pytest.raises(ModelError, match=r"band 'T' of scene.tif is surface_reflectance"):
        find_input(model, given, "surface_reflectance")


def test_unknown_units_pass_with_one_line_where_type_and_scale_are_equal(caplog):
    caplog.set_level("INFO", logger="geoloom")
    model = plain_card("unet", {}, BANDS, CLASSES, dtype="uint8")
    assert find_input(model, source(*BANDS)).conversions == ()
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "no unit is declared for swir1, nir, red of scene.tif" in caplog.text
    for other in (source(*BANDS, dtype="uint16"), source(*BANDS, scale=1e-4)):
        with pytest.raises(
            ModelError, match=r"no unit is declared for band 'swir1' of scene.tif or"
        ):
            find_input(model, other)


def test_a_predictor_without_a_card_takes_numbers_as_they_are():
    assert find_input((), source("a", "b")).numbers == (1, 2)
    assert find_input(("b",), source("a", "b", unit="K", scale=2.0)).conversions == ()
    assert find_input(("b",), source("a", "b")).numbers == (2,)
    with pytest.raises(ModelError, match="unit is 'K', but nothing says in which unit the model"):
        find_input(("b",), source("a", "b"), "K")
