"""Pictures and their furniture: what is drawn equals what was read, and lies where pyproj says."""

from __future__ import annotations

import threading

import matplotlib
import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer

from geoloom import figures
from geoloom.core.classes import Classes
from geoloom.core.errors import BandError, WriteError
from geoloom.figures import map_frame as furniture
from geoloom.figures import views
from geoloom.figures.composites import composites_of
from geoloom.figures.style import figure_svg, readable_on, save_figure
from geoloom.io.raster import Raster
from geoloom.io.write.cog import write_raster

UTM = GeoBox((40, 60), Affine(30, 0, 500_000, 0, -30, 8_900_000), "EPSG:32720")


def scene(grid=UTM, bands=("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"), seed=0):
    rng = np.random.default_rng(seed)
    values = rng.integers(7000, 20000, (len(bands), *grid.shape)).astype(np.uint16)
    valid = rng.random(tuple(grid.shape)) > 0.1
    values[:, ~valid] = 65535  # would shift every percentile if it were counted
    return Raster(values, valid, grid, bands)


def class_map(grid=UTM, codes=(1, 2, 3), seed=1):
    rng = np.random.default_rng(seed)
    values = rng.choice(np.array(codes, np.uint8), tuple(grid.shape))
    return Raster(values[None], rng.random(tuple(grid.shape)) > 0.2, grid, ("class",))


CLASSES = Classes.of(["forest", "deforestation", "water"])


def test_stretch_uses_percentiles_of_valid_pixels_alone():
    seen = scene()
    figure = figures.plot_image(seen, bands=[5, 4, 3], percentiles=(2, 98))
    drawn = figure.axes[0].images[0].get_array()
    for position, band in enumerate((4, 3, 2)):
        low, high = np.percentile(seen.values[band][seen.valid], [2, 98])
        expected = np.rint(np.clip((seen.values[band] - low) / (high - low), 0, 1) * 255)
        difference = np.abs(drawn[..., position].astype(int) - expected)[seen.valid]
        assert difference.max() <= 1  # float32 against float64 at a rounding edge
    np.testing.assert_array_equal(drawn[..., 3], np.where(seen.valid, 255, 0))


def test_bands_by_name_and_by_number_are_the_same_picture():
    seen = scene()
    first = (
        figures.plot_image(seen, bands=["SR_B6", "SR_B5", "SR_B4"]).axes[0].images[0].get_array()
    )
    second = figures.plot_image(seen, bands=[5, 4, 3]).axes[0].images[0].get_array()
    chosen = figures.plot_image(seen).axes[0].images[0].get_array()
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, chosen)


def test_one_band_is_grey_and_two_are_refused():
    seen = scene()
    drawn = figures.plot_image(seen, bands=[1]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(drawn[..., 0], drawn[..., 2])
    with pytest.raises(BandError, match="one band or three"):
        figures.plot_image(seen, bands=[1, 2])


@pytest.mark.parametrize(
    ("names", "bands"),
    [
        (("SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7"), (5, 4, 3)),  # Landsat 5, 7
        (("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"), (5, 4, 3)),  # Landsat 8, 9
        (("B02", "B03", "B04", "B08", "B11", "B12"), (5, 4, 3)),  # Sentinel-2
        (("red", "green", "blue", "nir"), (4, 1, 2)),  # NAIP
        (("1", "2", "3"), (1, 2, 3)),
        (("ndvi",), (1,)),
    ],
)
def test_the_first_composite_follows_the_sensor(names, bands):
    assert composites_of(names)[0].bands == bands


def test_class_map_is_in_its_colours_and_clear_where_unknown():
    seen = class_map(codes=(1, 2, 9))
    figure = figures.plot_classes(seen, CLASSES)
    drawn = figure.axes[0].images[0].get_array()
    forest = seen.valid & (seen.values[0] == 1)
    assert {tuple(c) for c in drawn[forest]} == {(0x1B, 0x6E, 0x3C, 255)}
    unknown = ~seen.valid | (seen.values[0] == 9)
    assert (drawn[unknown][:, 3] == 0).all()
    assert [t.get_text() for t in figure.legends[0].get_texts()] == list(CLASSES.names)


def test_overlay_lays_the_map_with_its_opacity_over_the_scene():
    figure = figures.plot_overlay(scene(), class_map(), CLASSES, opacity=0.3)
    below, above = figure.axes[0].images
    assert above.get_alpha() == 0.3
    np.testing.assert_array_equal(
        above.get_array(), views.paint(class_map().values[0], class_map().valid, CLASSES)
    )
    assert below.get_extent() == above.get_extent() == [0, 60, 40, 0]


def test_comparison_names_its_panels():
    figure = figures.plot_comparison(scene(), class_map(), class_map(seed=2), CLASSES)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Scene", "Truth", "Prediction"]
    alone = figures.plot_comparison(None, None, class_map(), CLASSES)
    assert [ax.get_title(loc="left") for ax in alone.axes] == ["Prediction"]


def test_comparison_takes_classes_for_the_same_by_their_names(tmp_path):
    """Truth 1 is forest and 2 water, in the map 0 is water and 1 forest: both maps say the same."""
    truth = np.where(np.arange(60) < 30, 1, 2).astype(np.uint8)[None, None].repeat(40, axis=1)
    mapped = np.where(truth == 1, 1, 0).astype(np.uint8)
    for name, values, names in (
        ("truth", truth, {1: "forest", 2: "water"}),
        ("map", mapped, {0: "water", 1: "forest"}),
    ):
        write_raster(tmp_path / f"{name}.tif", values, UTM, class_names=names)
    figure = figures.plot_comparison(None, tmp_path / "truth.tif", tmp_path / "map.tif")
    shown = [ax.images[0].get_array() for ax in figure.axes]
    np.testing.assert_array_equal(*shown)
    assert len(np.unique(shown[0].reshape(-1, 4), axis=0)) == 2


def test_a_large_file_is_read_shrunk_over_its_whole_area(tmp_path):
    grid = GeoBox((900, 1300), Affine(30, 0, 500_000, 0, -30, 8_900_000), "EPSG:32720")
    ramp = np.linspace(0, 60_000, 1300, dtype=np.uint16)[None, None].repeat(900, axis=1)
    write_raster(tmp_path / "ramp.tif", ramp, grid)
    seen = views.look(tmp_path / "ramp.tif", max_px=100)
    assert max(seen.grid.shape) <= 100
    assert seen.grid.affine.a == 390  # 13 source pixels
    np.testing.assert_allclose(
        seen.values[0, 5, 10], ramp[0, 0, 130:143].mean(), atol=1
    )  # the mean of what it covers


@pytest.mark.parametrize("resampling", ["average", "mode", "nearest"])
def test_reading_in_strips_changes_nothing(tmp_path, monkeypatch, resampling):
    grid = GeoBox((300, 210), Affine(30, 0, 500_000, 0, -30, 8_900_000), "EPSG:32720")
    values = np.random.default_rng(0).integers(0, 5, (2, 300, 210)).astype(np.uint8)
    write_raster(tmp_path / "r.tif", values, grid, nodata=0)
    whole = views.look(tmp_path / "r.tif", max_px=90, resampling=resampling)
    monkeypatch.setattr(views, "_STRIP_VALUES", 9000)
    strips = views.look(tmp_path / "r.tif", max_px=90, resampling=resampling)
    np.testing.assert_array_equal(strips.values, whole.values)
    np.testing.assert_array_equal(strips.valid, whole.valid)
    assert strips.grid == whole.grid


def test_classes_come_from_the_file(tmp_path):
    grid = GeoBox((8, 8), Affine(30, 0, 500_000, 0, -30, 8_900_000), "EPSG:32720")
    values = np.full((1, 8, 8), 7, np.uint8)
    write_raster(
        tmp_path / "m.tif",
        values,
        grid,
        nodata=0,
        colormap={7: (1, 2, 3, 255)},
        class_names={7: "lake"},
    )
    assert views.classes_of(tmp_path / "m.tif") == Classes(("lake",), (7,), ("#010203",))
    assert views.classes_of(class_map(codes=(4, 2))).codes == (2, 4)


GRIDS = {
    "utm": UTM,
    "degrees": GeoBox((50, 40), Affine(0.01, 0, -63, 0, -0.01, -9), "EPSG:4326"),
    "rotated": GeoBox((50, 40), Affine(27.2, -12.7, 5e5, -12.7, -27.2, 8.9e6), "EPSG:32720"),
    "south-up": GeoBox((50, 40), Affine(30, 0, 500_000, 0, 30, 8_800_000), "EPSG:32720"),
    "polar": GeoBox((50, 40), Affine(1000, 0, 200_000, 0, -1000, -1_200_000), "EPSG:3413"),
    "oblong": GeoBox((50, 40), Affine(60, 0, 500_000, 0, -20, 8_900_000), "EPSG:32720"),
}  # fmt: skip


def spoken(label):
    """Degrees that a label such as 63°05′W or 62.994°W says."""
    whole, minutes = label[:-1].split("°")
    value = float(whole) + (float(minutes.rstrip("′")) / 60 if minutes else 0)
    return value * (-1 if label[-1] in "WS" else 1)


@pytest.mark.parametrize("name", GRIDS)
def test_ticks_stand_where_their_degrees_are(name):
    grid = GRIDS[name]
    ax = figures.plot_image(scene(grid, ("1", "2", "3"))).axes[0]
    to_degrees = Transformer.from_crs(str(grid.crs), 4326, always_xy=True)
    height = grid.shape[0]
    a, b, _, d, e, _ = grid.affine[:6]
    tolerance = 0.02 * max(map(abs, (a, b, d, e))) / (1 if grid.crs.geographic else 111_000)
    for at, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True):
        lon, _ = to_degrees.transform(*(grid.affine @ (at, height)))
        assert spoken(label.get_text()) == pytest.approx(lon, abs=tolerance)
    for at, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True):
        _, lat = to_degrees.transform(*(grid.affine @ (0, at)))
        assert spoken(label.get_text()) == pytest.approx(lat, abs=tolerance)
    assert len(ax.get_xticks()) >= 2
    assert len(ax.get_yticks()) >= 2


@pytest.mark.parametrize("name", GRIDS)
def test_pixel_size_and_shape_on_the_ground(name):
    grid = GRIDS[name]
    to_degrees = Transformer.from_crs(str(grid.crs), 4326, always_xy=True)
    height, width = grid.shape
    x, y = width / 2, height / 2
    points = [to_degrees.transform(*(grid.affine @ p)) for p in ((x, y), (x + 1, y), (x, y + 1))]
    geod = Geod(ellps="WGS84")
    across = geod.inv(*points[0], *points[1])[2]
    down = geod.inv(*points[0], *points[2])[2]
    assert furniture.pixel_size_m(grid) == pytest.approx((across, down), rel=1e-9)
    ax = figures.plot_image(scene(grid, ("1", "2", "3"))).axes[0]
    assert ax.get_aspect() == pytest.approx(down / across)


@pytest.mark.parametrize("name", GRIDS)
def test_north_arrow_points_to_higher_latitudes(name):
    grid = GRIDS[name]
    ahead = furniture.north_in_pixels(grid)
    to_degrees = Transformer.from_crs(str(grid.crs), 4326, always_xy=True)
    height, width = grid.shape
    start = to_degrees.transform(*(grid.affine @ (width / 2, height / 2)))
    end = to_degrees.transform(*(grid.affine @ (width / 2 + ahead[0], height / 2 + ahead[1])))
    azimuth = Geod(ellps="WGS84").inv(*start, *end)[0]
    assert azimuth == pytest.approx(0, abs=0.5)


def test_scale_bar_is_as_long_as_it_says():
    ax = figures.plot_image(scene()).axes[0]
    across, _ = furniture.pixel_size_m(UTM)
    said = next(t.get_text() for t in ax.texts if t.get_text().endswith("m"))
    halves = [p.get_width() for p in ax.patches if p.get_zorder() == 9 and hasattr(p, "get_width")]
    value, unit = said.split()
    assert sum(halves) * across == pytest.approx(
        float(value) * {"m": 1, "km": 1000}[unit], rel=1e-9
    )


def test_figures_leave_matplotlib_as_it_was_and_work_in_threads():
    before = dict(matplotlib.rcParams)
    made = []

    def work():
        made.append(figure_svg(figures.plot_image(scene(), title="a"), "t"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert dict(matplotlib.rcParams) == before


def test_svg_follows_the_page_and_its_ids_are_its_own():
    svg = figure_svg(figures.plot_image(scene()), "one")
    assert svg.startswith("<svg")
    assert "var(--ink)" in svg
    assert 'id="one-' in svg
    assert "font-family: inherit" in svg
    assert "<style" not in svg
    assert "DejaVu" not in svg


def test_save_refuses_to_replace_and_knows_its_formats(tmp_path):
    figure = figures.plot_image(scene())
    path = save_figure(figure, tmp_path / "a.png", dpi=50)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(WriteError, match="--overwrite"):
        save_figure(figure, path)
    with pytest.raises(WriteError, match="no figure format 'xyz'"):
        save_figure(figure, tmp_path / "a.xyz")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("grey", [0.0, 0.2, 0.45, 0.6, 1.0])
def test_text_on_colour_has_the_contrast_that_wcag_asks_for(grey):
    def luminance(c):
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    ink = int(readable_on((grey,) * 3)[1:3], 16) / 255
    light, dark = sorted((luminance(grey), luminance(ink)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("names", "bands"),
    [
        (["Band 3 - Red", "Band 2 - Green", "Band 1 - Blue"], (1, 2, 3)),
        (["Blue", "Green", "Red", "Red Edge", "NIR_08"], (3, 2, 1)),
        (["B", "G", "R", "N"], (3, 2, 1)),
        (["band_1_blue", "band_2_green", "band_3_red", "near-infrared", "swir_1"], (3, 2, 1)),
    ],
)
def test_true_colour_has_red_green_and_blue_by_what_names_say(names, bands):
    true = next(c for c in composites_of(names) if c.style == "true")
    assert true.bands == bands
    assert true.title == "True colour (red, green, blue)"


def sample_of(seen, **layers):
    """A sample as a dataset gives it: tensors where torch has them, arrays here."""
    place = {"crs": str(seen.grid.crs), "transform": np.array(tuple(seen.grid.affine)[:6])}
    return {"image": seen.values, "valid": seen.valid, **place, **layers}


BANDS = tuple(f"SR_B{i}" for i in range(2, 8))


def test_a_sample_is_drawn_as_its_image_and_its_mask_are():
    seen, wanted = scene(), class_map()
    sample = sample_of(seen, mask=wanted.values[0].astype("int64"), prediction=wanted.values[0])
    figure = figures.plot_sample(sample, BANDS, CLASSES)
    image, mask, prediction = (ax.images[0].get_array() for ax in figure.axes)
    alone = figures.plot_image(seen, bands=[5, 4, 3]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(image, alone)
    painted = views.paint(wanted.values[0], seen.valid, CLASSES)
    np.testing.assert_array_equal(mask, painted)
    np.testing.assert_array_equal(prediction, painted)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["Image", "Mask", "Prediction"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(CLASSES.names)


def test_bands_of_a_sample_are_chosen_by_what_they_measure_and_appended_ones_are_numbered():
    from geoloom.core.bands import Band

    seen = scene(bands=("a", "b", "c", "7"))
    bands = [Band("a", "blue"), Band("b", "red"), Band("c", "green")]
    drawn = figures.plot_sample(sample_of(seen), bands).axes[0].images[0].get_array()
    expected = figures.plot_image(seen, bands=["b", "c", "a"]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(drawn, expected)
    grey = figures.plot_sample(sample_of(seen), bands, rgb=["4"]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(
        grey, figures.plot_image(seen, bands=[4]).axes[0].images[0].get_array()
    )
    with pytest.raises(BandError, match=r"no band 'nir'; the sample has a, b, c, 4"):
        figures.plot_sample(sample_of(seen), bands, rgb=["nir", "b", "c"])


def test_dates_of_a_series_values_and_samples_without_a_place():
    rng = np.random.default_rng(0)
    series = {
        "image": rng.random((2, 3, 20, 30)),
        "times": np.array([1.5e9, np.nan]),
        "valid_series": rng.random((2, 20, 30)) > 0.3,
        "value": np.where(rng.random((1, 20, 30)) > 0.2, rng.random((1, 20, 30)), np.nan),
    }
    figure = figures.plot_sample(series)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["Before, 2017-07-14", "After", "Value 1"]
    for t in range(2):
        alpha = figure.axes[t].images[0].get_array()[..., 3]
        np.testing.assert_array_equal(alpha > 0, series["valid_series"][t])
    alpha = figure.axes[2].images[0].get_array()[..., 3]
    np.testing.assert_array_equal(alpha > 0, np.isfinite(series["value"][0]))


def test_a_batch_and_a_sample_without_layers_are_refused():
    seen = scene()
    batch = {"image": seen.values[None, None], "mask": np.zeros((1, 4, 4))}
    with pytest.raises(BandError, match=r"mask is \(1, 4, 4\): a batch is drawn sample by sample"):
        figures.plot_sample(batch)
    with pytest.raises(BandError, match="a sample of label has nothing to draw"):
        figures.plot_sample({"label": 3})
