"""Units of bands: what is converted, what is refused, and that nothing is guessed."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.bands import (
    UNITS,
    Band,
    Conversion,
    Role,
    band_conversions,
    match_bands,
    parse_unit,
    unit_of,
    with_common_unit,
)
from geoloom.core.errors import BandError, ChipError
from geoloom.core.jsonfile import JsonValue

NEW = Band("B04", "red", unit="surface_reflectance", scale=1e-4, offset=-0.1, nodata=0)
OLD = Band("B04", "red", unit="surface_reflectance", scale=1e-4, nodata=0)
PHYSICAL = Band("B04", "red", unit="surface_reflectance")
TOA = Band("B04", "red", unit="toa_reflectance", scale=1e-4)

scales = st.floats(1e-6, 1e3) | st.floats(-1e3, -1e-6)
offsets = st.floats(-1e3, 1e3)
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
bands = st.builds(
    Band,
    st.text(max_size=8),
    role=st.sampled_from(Role.__args__),
    wavelength_um=st.none() | st.floats(0.1, 20),
    gsd_m=st.none() | st.floats(0.1, 1e4),
    unit=st.none() | st.sampled_from(UNITS),
    scale=scales,
    offset=offsets,
    nodata=st.none() | finite | st.sampled_from([float("inf"), float("-inf")]),
)


def one(given_, wanted, *, same_dtype=True):
    (conversion,) = band_conversions([given_], [wanted], where="scene.tif", same_dtype=same_dtype)
    return conversion


@given(bands)
def test_bands_go_into_json_and_back(band):
    text = json.dumps(band.to_dict(), allow_nan=False)
    assert Band.from_json(JsonValue(json.loads(text), "zarr.json", ChipError, "")) == band


def test_a_nodata_of_nan_goes_into_json_and_back():
    plain = Band("a", nodata=float("nan")).to_dict()
    back = Band.from_json(JsonValue(json.loads(json.dumps(plain)), "a.json", ChipError, ""))
    assert np.isnan(back.nodata)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "metres"}, r"unit of zarr\.json is 'metres'; expected one of toa_reflectance"),
        ({"role": "purple"}, r"role of zarr\.json is 'purple'; expected one of coastal"),
        ({"scale": "big"}, r"scale of zarr\.json is 'big'; expected a finite number: again"),
        ({"nodata": "none"}, r"nodata of zarr\.json is 'none'; expected one of nan, inf, -inf"),
        ({"name": 3}, r"name of zarr\.json is 3; expected a text"),
    ],
)
def test_damaged_bands_are_refused_with_file_and_key(change, message):
    values = JsonValue(OLD.to_dict() | change, "zarr.json", ChipError, "again")
    with pytest.raises(ChipError, match=message):
        Band.from_json(values)


def test_a_unit_that_is_none_of_ours_is_refused_where_it_is_made():
    with pytest.raises(BandError, match="did you mean 'radiance'"):
        Band("a", unit="radiances")
    assert [unit_of(tag) for tag in ("DB", " k ", "metre", "", None)] == [
        "dB",
        "K",
        None,
        None,
        None,
    ]
    assert parse_unit("none") is None
    assert parse_unit("Surface_Reflectance") == "surface_reflectance"
    with pytest.raises(BandError, match="no unit is called 'reflectance'"):
        parse_unit("reflectance")


@given(st.integers(0, 65535), scales, offsets, scales, offsets)
def test_a_conversion_is_the_formula(stored, scale, offset, wanted_scale, wanted_offset):
    """x = ((s * scale_s + offset_s) - offset_m) / scale_m, in float64 beside ours in float32."""
    conversion = Conversion(scale, offset, wanted_scale, wanted_offset)
    expected = ((stored * scale + offset) - wanted_offset) / wanted_scale
    size = (abs(stored * scale) + abs(offset) + abs(wanted_offset)) / abs(wanted_scale)
    values = np.array([[stored]], np.float32)
    got = conversion(values)
    assert got.dtype == np.float32
    assert abs(float(got[0, 0]) - expected) <= 1e-6 * size
    tensor = conversion(torch.from_numpy(values))
    assert tensor.dtype == torch.float32
    assert abs(float(tensor[0, 0]) - expected) <= 1e-6 * size


def test_equal_scaling_changes_no_bit():
    values = np.array([1, 2, 65535], np.float32)
    assert one(OLD, OLD)(values) is values
    assert not one(OLD, NEW).changes or one(OLD, NEW)(values) is not values


def test_one_scene_in_three_scales_gives_the_same_numbers():
    """Counts before and after Sentinel-2's baseline 04.00, and reflectance."""
    reflectance = np.array([0.0, 0.0137, 0.25, 1.2], np.float32)
    counts = np.rint(reflectance / 1e-4).astype(np.float32)
    for wanted in (OLD, NEW, PHYSICAL):
        numbers = [
            one(OLD, wanted)(counts),
            one(NEW, wanted, same_dtype=False)(counts + 1000),
            one(PHYSICAL, wanted, same_dtype=False)(reflectance),
        ]
        expected = (reflectance.astype(float) - wanted.offset) / wanted.scale
        for got in numbers:
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6 / wanted.scale)


def test_other_units_are_refused_by_name():
    with pytest.raises(
        BandError,
        match=r"band 'B04' of scene\.tif is toa_reflectance, the model was trained on "
        r"surface_reflectance: .* --unit surface_reflectance",
    ):
        one(TOA, NEW)
    with pytest.raises(BandError, match=r"no unit is declared .* --unit toa_reflectance"):
        one(Band("B04"), TOA)
    with pytest.raises(BandError, match=r"is toa_reflectance, and no unit is .* --unit none"):
        one(TOA, Band("B04"))


def test_unknown_to_unknown_passes_with_one_line_where_the_numbers_are_stored_alike(caplog):
    plain = [Band("1"), Band("2"), Band("3")]
    with caplog.at_level(logging.INFO):
        conversions = band_conversions(plain, plain, where="photo.tif", same_dtype=True)
    assert not any(conversion.changes for conversion in conversions)
    (line,) = caplog.messages
    assert line.startswith("no unit is declared for 1, 2, 3 of photo.tif or for")
    with pytest.raises(BandError, match="their types differ: equal numbers may mean different"):
        one(Band("1"), Band("1"), same_dtype=False)
    with pytest.raises(BandError, match="their scale or offset differs"):
        one(Band("1", scale=1e-4), Band("1"))


def test_what_is_joined_is_in_one_unit(caplog):
    assert with_common_unit([OLD, NEW]) is OLD
    with pytest.raises(BandError, match=r"surface_reflectance \(L2A\) and toa_reflectance \(L1C\)"):
        match_bands([("L1C", (TOA,)), ("L2A", (OLD,))])
    assert match_bands([("a", (OLD,)), ("b", (Band("B04", "red"),))]).bands[0].unit is None
    assert "counts as not known" in caplog.text
    other = Band("SR_B4", "red", unit="surface_reflectance", scale=2.75e-5, offset=-0.2)
    assert match_bands([("s2", (OLD,)), ("landsat", (other,))]).bands == (OLD,)
