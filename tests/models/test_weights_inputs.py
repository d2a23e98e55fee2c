"""What pretrained weights are fed: each recipe of the table worked out by hand, other units refused."""

from __future__ import annotations

import numpy as np
import pytest

from geoloom.core.bands import UNITS, Band, Unit
from geoloom.core.errors import BandError
from geoloom.core.statistics import BandStatistics
from geoloom.models.adapt import match_known
from geoloom.models.pretrained.inputs import input_rule
from geoloom.models.pretrained.start import own_bands
from geoloom.models.pretrained.table import PretrainedWeights, get_weights, list_weights

TOA: Unit = "toa_reflectance"
SR: Unit = "surface_reflectance"

Fed = tuple[str, tuple[Band, ...], str, tuple[float, ...], list[float]]
"""Weights, bands, type of the stored numbers, stored numbers, what the network is to get."""

RECIPES: list[Fed] = [
    # SSL4EO-S12: reflectance = counts / 10000, within 0..1.
    (
        "ResNet18_Weights.SENTINEL2_ALL_MOCO",
        (Band("B04", "red", unit=TOA, scale=1e-4), Band("B08", "nir", unit=TOA, scale=1e-4)),
        "uint16",
        (2500, 12000),
        [0.25, 1.0],
    ),
    # The same, from a product with an offset: (2500 - 1000) / 10000.
    (
        "ResNet18_Weights.SENTINEL2_RGB_MOCO",
        (Band("B04", "red", unit=TOA, scale=1e-4, offset=-0.1),),
        "uint16",
        (2500,),
        [0.15],
    ),
    # SSL4EO-L at the surface, counts of collection 2: 0..0.3 -> 0..1; 12727.27 counts are 0.15.
    (
        "ResNet18_Weights.LANDSAT_OLI_SR_MOCO",
        (Band("SR_B4", "red", unit=SR, scale=2.75e-5, offset=-0.2),),
        "float32",
        (12727.2727,),
        [0.5],
    ),
    (
        "ResNet18_Weights.LANDSAT_ETM_SR_MOCO",
        (Band("SR_B4", "nir", unit=SR), Band("SR_B7", "swir2", unit=SR)),
        "float32",
        (0.075, 0.45),
        [0.25, 1.0],
    ),
    # At the top of the atmosphere: brightness 248.15..318.15 K and reflectance 0..0.4 -> 0..1.
    (
        "ResNet50_Weights.LANDSAT_OLI_TIRS_TOA_SIMCLR",
        (Band("B10", "thermal", unit="K"), Band("B3", "green", unit=TOA)),
        "float32",
        (283.15, 0.1),
        [0.5, 0.25],
    ),
    (
        "ResNet18_Weights.LANDSAT_TM_TOA_MOCO",
        (Band("B6", "thermal", unit="K"), Band("B4", "nir", unit=TOA)),
        "float32",
        (300.65, 0.3),
        [0.75, 0.75],
    ),
    (
        "ResNet18_Weights.LANDSAT_ETM_TOA_MOCO",
        (Band("B6_VCID_2", "thermal2", unit="K"), Band("B8", "pan", unit=TOA)),
        "float32",
        (200.0, 0.2),
        [0.0, 0.5],
    ),
    # SeCo: reflectance x 255 between the quantiles 0 and 129 of red, then ImageNet's mean and deviation:
    # (64.5 / 129 - 0.485) / 0.229; and 45.5 between 3 and 88 of blue: (42.5 / 85 - 0.406) / 0.225.
    (
        "ResNet50_Weights.SENTINEL2_RGB_SECO",
        (Band("B04", "red", unit=SR), Band("B02", "blue", unit=SR)),
        "float32",
        (64.5 / 255, 45.5 / 255),
        [0.0655, 0.41778],
    ),
    # DeCUR and SoftCon on Sentinel-1: (-12.59 - 2 * 5.26) dB -> 0, + 4 deviations -> 1.
    (
        "ResNet50_Weights.SENTINEL1_GRD_MOCO",
        (Band("VV", "vv", unit="dB"), Band("VH", "vh", unit="dB")),
        "float32",
        (-12.59, -20.26 + 3 * 5.91),
        [0.5, 1.0],
    ),
    # SoftCon on Sentinel-2, counts: mean 1373.1 and deviation 1144.9 of red: one deviation above is 0.75.
    (
        "ResNet50_Weights.SENTINEL2_ALL_SOFTCON",
        (Band("B04", "red", unit=TOA, scale=1e-4),),
        "float32",
        (1373.1 + 1144.9,),
        [0.75],
    ),
    # SeCo-Eco: counts / 10000, nothing cut off; an index as it is.
    (
        "ResNet50_Weights.SENTINEL2_ALL_SECO_ECO",
        (Band("B12", "swir2", unit=SR, scale=1e-4),),
        "uint16",
        (12345,),
        [1.2345],
    ),
    (
        "ResNet50_Weights.SENTINEL2_ALL_NDVI_SECO_ECO",
        (Band("NDVI", unit="index"), Band("B8A", "nir08", unit=SR)),
        "float32",
        (-0.3, 0.45),
        [-0.3, 0.45],
    ),
    # CLOSP: counts / 10000, of a unit that nobody states; backscatter as it is.
    ("ResNet50_Weights.SENTINEL2_ALL_CLOSP", (Band("B08", "nir"),), "uint16", (2500,), [0.25]),
    ("ResNet50_Weights.SENTINEL1_GRD_CLOSP", (Band("VH", "vh"),), "float32", (-0.7,), [-0.7]),
    # Photographs with ImageNet's mean and deviation: (128 / 255 - 0.485) / 0.229.
    ("ResNet50_Weights.FMOW_RGB_GASSL", (Band("red", "red"),), "uint8", (128,), [0.07406]),
    # SatMAE's own mean and deviation of fMoW: (64 / 255 - 0.399128) / 0.276402 of blue.
    ("SatMAE_ViTLarge16_FMOW_RGB", (Band("blue", "blue"),), "uint8", (64,), [-0.53598]),
    # Fields of the World divides counts by 3000: 4500 are 1.5.
    (
        "Unet_Weights.SENTINEL2_2CLASS_FTW",
        (Band("B04_1", unit=SR, scale=1e-4), Band("B08_2", unit=SR, scale=1e-4)),
        "uint16",
        (4500, 600),
        [1.5, 0.2],
    ),
    ("Unet_Weights.NAIP_RGBN_RESNET18_CHESAPEAKERSC", (Band("N", "nir"),), "uint8", (51,), [0.2]),
    ("Unet_Weights.OAM_RGB_RESNET50_TCD", (Band("R", "red"),), "uint8", (51,), [51.0]),
    # Satlas: counts / 8160 of Sentinel-2; its 8-bit true colour ends at a reflectance of 0.3558.
    (
        "Swin_V2_T_Weights.SENTINEL2_SI_MS_SATLAS",
        (Band("B11", "swir1", unit=TOA, scale=1e-4), Band("B02", "blue", unit=TOA, scale=1e-4)),
        "uint16",
        (4080, 1779),
        [0.5, 0.5],
    ),
    (
        "Swin_V2_T_Weights.SENTINEL2_MI_RGB_SATLAS",
        (Band("B03", "green", unit=TOA),),
        "float32",
        (0.5,),
        [1.0],
    ),
    ("Swin_V2_B_Weights.NAIP_RGB_MI_SATLAS", (Band("G", "green"),), "uint8", (204,), [0.8]),
    # Counts of Landsat: (12160 - 4000) / 16320; of Sentinel-1: 51 / 255, and no more than 1.
    (
        "Swin_V2_B_Weights.LANDSAT_MI_SATLAS",
        (Band("B10", "thermal", unit="DN"), Band("B4", "red", unit="DN")),
        "uint16",
        (12160, 3000),
        [0.5, 0.0],
    ),
    (
        "Swin_V2_B_Weights.SENTINEL1_MI_SATLAS",
        (Band("VH", "vh", unit="DN"), Band("VV", "vv", unit="DN")),
        "uint16",
        (51, 300),
        [0.2, 1.0],
    ),
]

RULES = {(entry.bands, entry.dtype): entry for entry in map(get_weights, reversed(list_weights()))}
"""One entry of each distinct rule."""


def fed(
    entry: PretrainedWeights, bands: tuple[Band, ...], dtype: str, *stored: float
) -> list[float]:
    rule = input_rule(entry, bands, dtype, match_known(bands, entry.bands))
    image = np.array(stored, dtype).reshape(-1, 1, 1)
    return [round(float(v), 5) for v in rule.apply(image)[:, 0, 0]]


@pytest.mark.parametrize(
    ("name", "bands", "dtype", "stored", "expected"), RECIPES, ids=[r[0] for r in RECIPES]
)
def test_each_recipe_feeds_what_was_worked_out_by_hand(
    name: str, bands: tuple[Band, ...], dtype: str, stored: tuple[float, ...], expected: list[float]
) -> None:
    assert fed(get_weights(name), bands, dtype, *stored) == pytest.approx(expected, abs=2e-5)


def test_every_rule_of_the_table_was_worked_out() -> None:
    worked_out = {(get_weights(name).bands, get_weights(name).dtype) for name, *_ in RECIPES}
    assert len(RULES) == 24
    assert worked_out == set(RULES)


@pytest.mark.parametrize("entry", RULES.values(), ids=lambda w: w.name)
def test_every_band_refuses_every_other_unit_by_name(entry: PretrainedWeights) -> None:
    """And numbers of an undeclared unit; where the weights know none, any unit and other types."""
    for band in own_bands(entry):
        own_type = entry.dtype or "float32"
        assert len(fed(entry, (band,), own_type, 1)) == 1
        for unit in (*UNITS, None):
            if unit == band.unit or (unit == "DN" and entry.dtype == "uint8"):
                continue
            strange = Band(band.name, band.role, unit=unit)
            found = f"is {unit}" if unit else "no unit is declared"
            found = found if band.unit else f"it is {entry.dtype} in {unit}"
            with pytest.raises(
                BandError, match=f"{entry.name} want band '{band.name}' as .*{found}"
            ):
                fed(entry, (strange,), own_type, 1)
        if entry.dtype is not None:
            for dtype in {"uint8", "uint16", "int16", "float32"} - {entry.dtype}:
                with pytest.raises(BandError, match=f"it is {dtype} without a unit"):
                    fed(entry, (band,), dtype, 1)


def test_a_band_that_is_not_known_is_fed_as_its_like() -> None:
    """In the unit of others, as these are in the mean; in one of its own, as the samples are."""
    entry = get_weights("ResNet18_Weights.LANDSAT_OLI_TIRS_TOA_MOCO")
    new = Band("nir09", "nir09", unit=TOA)
    assert fed(entry, (new, Band("red", "red", unit=TOA)), "float32", 0.1, 0.2) == [0.25, 0.5]
    height = Band("height", "elevation", unit="index")
    bands = Band("red", "red", unit=TOA), height
    found = match_known(bands, entry.bands)
    with pytest.raises(BandError, match="want band 'height' as toa_reflectance, and it is index"):
        input_rule(entry, bands, "float32", found)
    seen = BandStatistics(
        ("red", "height"),
        (9, 9),
        (0.1, 500.0),
        (0.1, 50.0),
        (0.1, 500.0),
        (0.0, 200.0),
        (0.4, 1000.0),
    )
    rule = input_rule(entry, bands, "float32", found, seen)
    image = np.array([0.1, 400.0], "float32").reshape(2, 1, 1)
    assert rule.apply(image).ravel() == pytest.approx([0.25, 0.25])  # 200..1000 -> 0..1
    free = get_weights("ResNet50_Weights.SENTINEL2_ALL_SECO_ECO")
    at_surface = Band("red", "red", unit=SR), height
    rule = input_rule(free, at_surface, "float32", match_known(at_surface, free.bands), seen)
    assert rule.apply(image).ravel() == pytest.approx([0.1, -2.0])  # 2 deviations below the mean
