"""Pictures of samples: what is drawn of each kind equals what the sample holds, and lies where it says."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import BandError
from geoloom.core.outputs import BoxOutputs, ClassOutputs, ValueOutputs
from geoloom.figures import plot_sample, sheet_of
from geoloom.figures.boxes import BOX, NAME, tint
from geoloom.figures.composites import radar_pair
from geoloom.figures.image_colors import colors_of
from geoloom.figures.sheets import thumbnail
from geoloom.figures.style import ERROR, figure_pixels
from geoloom.figures.views import in_colors, limits_of

H, W = 40, 60
CLASSES = Classes.of(["forest", "river", "road"], codes=[0, 1, 2])
RGB = (Band("r", "red"), Band("g", "green"), Band("b", "blue"))
PLACE = {"crs": "EPSG:32720", "transform": np.array([30.0, 0, 500_000, 0, -30, 8_900_000])}
TIMES = np.array([1_262_304_000.0, 1_577_836_800.0])  # the first days of 2010 and of 2020, UTC

rng = np.random.default_rng(0)
PHOTO = rng.integers(0, 256, (3, H, W)).astype(np.uint8)
CODES = rng.integers(0, 3, (H, W))
VALID = rng.random((H, W)) > 0.2
MANY = {
    "image": rng.random((9, 3, H, W)),
    "times": TIMES[0] + 86_400 * np.arange(9.0),
    "valid_series": np.ones((9, H, W), bool),
}
PAIR = {
    "image": np.stack([PHOTO, PHOTO[::-1]]),
    "times": TIMES,
    "valid_series": np.ones((2, H, W), bool),
}
BOXES = {
    "boxes": np.array([[2.0, 20, 12, 36], [30.5, 15, 50, 30.5]], np.float32),
    "box_labels": np.array([2, 0]),
}
INSTANCES = np.zeros((2, H, W), bool)
INSTANCES[0, 20:36, 2:12] = INSTANCES[1, 15:30, 30:50] = True
GUESSED = {
    "predicted_boxes": BOXES["boxes"][:1] + 1,
    "predicted_box_labels": np.array([2]),
    "predicted_scores": np.array([0.75]),
}


@dataclass
class Kind:
    """A kind of sample, and what its figure says."""

    sample: dict[str, Any]
    titles: list[str]
    outputs: Any = None
    legend: list[str] = field(default_factory=list)
    head: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


def picture(**more):
    return {"image": PHOTO, "valid": VALID, **more}


KINDS = {
    "photograph": Kind(picture(), [""]),
    "label": Kind(picture(label=np.array(1)), [""], ClassOutputs(CLASSES, per="image"), head="river"),
    "label_and_prediction": Kind(
        picture(label=torch.tensor(0), prediction=torch.tensor(1)),
        [""],
        CLASSES,
        head="truth: forest · predicted: river",
    ),
    "label_nobody_names": Kind(picture(label=np.array(4)), [""], head="class 4"),
    "multilabel": Kind(
        picture(multilabel=np.array([True, False, True]), prediction=np.array([False] * 3)),
        [""],
        ClassOutputs(CLASSES, True, per="image"),
        head="truth: forest, road · predicted: none of the classes",
    ),
    "value": Kind(
        picture(value=np.array([45.0, np.nan]), prediction=np.array([50.25, 3.0])),
        [""],
        ValueOutputs(("wind", "cars"), ("kn", None), per="image"),
        head="wind: truth 45 kn · predicted 50.25 kn\ncars: truth unknown · predicted 3",
    ),
    "mask": Kind(
        picture(mask=CODES, prediction=CODES, **PLACE),
        ["Image", "Mask", "Prediction"],
        ClassOutputs(CLASSES),
        legend=list(CLASSES.names),
    ),
    "layers": Kind(
        picture(**{"mask:land": CODES, "mask:roof": CODES + 7, "prediction:land": CODES}, **PLACE),
        ["Image", "land", "land: predicted", "roof"],
        {"mask:land": CLASSES},
    ),
    "multilabel_of_pixels": Kind(
        picture(multilabel=np.stack([CODES == 0, CODES > 9, CODES == 2])),
        ["Image", "forest", "road"],
        ClassOutputs(CLASSES, True),
    ),
    "values_of_pixels": Kind(
        picture(value=rng.random((1, H, W)), prediction=rng.random((1, H, W))),
        ["Image", "height", "height: predicted"],
        ValueOutputs(("height",), ("m",)),
    ),
    "boxes": Kind(
        picture(**BOXES), [""], BoxOutputs(CLASSES), legend=["forest", "road"]
    ),
    "instances": Kind(
        picture(**BOXES, box_masks=INSTANCES, **GUESSED, **PLACE),
        ["Truth", "Prediction"],
        BoxOutputs(CLASSES, masks=True),
        legend=["forest", "road"],
    ),
    "no_boxes": Kind(
        picture(boxes=np.zeros((0, 4)), box_labels=np.zeros(0, int)), [""], BoxOutputs(CLASSES)
    ),
    "change": Kind(
        {**PAIR, "mask": CODES, "prediction": CODES},
        ["Before, 2010-01-01", "After, 2020-01-01", "Change", "Prediction"],
        CLASSES,
        legend=list(CLASSES.names),
    ),
    "series": Kind(
        {**MANY, "mask": CODES},
        ["2010-01-01", "2010-01-05", "2010-01-09", "Mask"],
        CLASSES,
        legend=list(CLASSES.names),
        options={"dates": 3},
    ),
    "mask_series": Kind(
        {**MANY, "mask_series": rng.integers(0, 3, (9, H, W))},
        ["2010-01-01", "2010-01-09", "Mask", ""],
        CLASSES,
        legend=list(CLASSES.names),
        options={"dates": 2},
    ),
    "pixel_series": Kind(
        {"image": rng.random((9, 2, 1, 1)), "times": MANY["times"], "label": np.array(2)},
        [""],
        CLASSES,
        head="road",
    ),
    "sound": Kind(
        picture(audio=rng.normal(size=5000), label=np.array(0)),
        ["", "Sound"],
        CLASSES,
        head="forest",
        options={"sample_rate_hz": 1000.0},
    ),
    "radar": Kind({"image": rng.random((2, H, W), np.float32)}, [""], options={"bands": ["vv", "vh"]}),
    "optical_and_radar": Kind(
        {"image": rng.random((5, H, W), np.float32)},
        ["Image", "Radar"],
        options={"bands": [*RGB, Band("VV", "vv"), Band("VH", "vh")]},
    ),
    "mask_alone": Kind({"mask": CODES}, ["Mask"], CLASSES, legend=list(CLASSES.names)),
}  # fmt: skip


def drawn(kind):
    options = {"bands": RGB, **kind.options}
    return plot_sample(kind.sample, options.pop("bands"), kind.outputs, **options)


def head_of(figure):
    return None if figure.get_suptitle() == "" else figure.get_suptitle()


def panels(figure):
    return [ax for ax in figure.axes if ax.images]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_sample_is_drawn_and_says_what_it_shows(name):
    kind = KINDS[name]
    figure = drawn(kind)
    assert [ax.get_title(loc="left") for ax in figure.axes] == kind.titles
    listed = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert listed == kind.legend
    assert head_of(figure) == kind.head
    assert figure_pixels(figure, dpi=40).std() > 5


@pytest.mark.parametrize("name", KINDS)
def test_nothing_lies_outside_of_the_figure_or_over_a_neighbour(name):
    figure = drawn(KINDS[name])
    figure.draw_without_rendering()
    canvas = Bbox.from_bounds(0, 0, *(figure.get_size_inches() * figure.dpi))
    extents = [ax.get_tightbbox() for ax in figure.axes]
    extents += [legend.get_window_extent() for legend in figure.legends]
    for extent in extents:
        assert canvas.x0 - 1 <= extent.x0
        assert extent.x1 <= canvas.x1 + 1
        assert canvas.y0 - 1 <= extent.y0
        assert extent.y1 <= canvas.y1 + 1
    for i, one in enumerate(extents):
        for other in extents[i + 1 :]:
            both = Bbox.intersection(one, other)
            assert both is None or min(both.width, both.height) < 1.5


@pytest.mark.parametrize("name", ["mask", "change", "values_of_pixels", "mask_series"])
def test_panels_of_a_row_have_equal_edges(name):
    figure = drawn(KINDS[name])
    figure.draw_without_rendering()
    first, *others = [ax.get_window_extent() for ax in panels(figure)]
    in_row = [extent for extent in others if extent.y1 > first.y0]
    assert in_row
    for extent in in_row:
        assert (extent.y0, extent.y1) == pytest.approx((first.y0, first.y1), abs=0.6)
        assert extent.width == pytest.approx(first.width, abs=0.6)


def test_photographs_are_as_they_are_and_clear_where_not_observed():
    shown = plot_sample(picture(), RGB).axes[0].images[0].get_array()
    np.testing.assert_array_equal(shown[VALID][:, :3], PHOTO.transpose(1, 2, 0)[VALID])
    np.testing.assert_array_equal(shown[..., 3] == 255, VALID)


def test_floats_are_stretched_between_percentiles_of_what_is_a_number():
    image = rng.normal(0.2, 0.1, (3, H, W)).astype(np.float32)
    image[1, 3:9] = np.nan
    shown = plot_sample({"image": image}, RGB).axes[0].images[0].get_array()
    known = np.isfinite(image).all(axis=0)
    expected = in_colors(image, known, [limits_of(band[known], (2, 98)) for band in image])
    np.testing.assert_array_equal(shown, expected)
    assert (shown[3:9, :, 3] == 0).all()


def test_masks_have_the_colours_of_their_classes_and_predictions_those_of_theirs():
    guess = (CODES + 1) % 3
    figure = plot_sample(
        picture(mask=CODES, observed=np.ones((H, W), bool), prediction=guess), RGB, CLASSES
    )
    _, mask, answer = (ax.images[0].get_array() for ax in figure.axes)
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CLASSES.colors])
    np.testing.assert_array_equal(mask[VALID][:, :3], palette[CODES[VALID]])
    assert (mask[~VALID][:, 3] == 0).all()
    np.testing.assert_array_equal(answer[..., :3], palette[guess])


def test_equal_values_have_equal_colours_in_truth_and_prediction():
    truth = np.linspace(0, 1, H * W).reshape(1, H, W)
    figure = plot_sample(
        {"value": truth, "prediction": truth[:, ::-1] / 2}, outputs=ValueOutputs(("a",), ("m",))
    )
    known, guess = (ax.images[0].get_array() for ax in figure.axes)
    row = int(0.4 * H)
    at = np.abs(truth[0, ::-1] / 2 - truth[0, row, 7]).argmin()
    np.testing.assert_array_equal(guess.reshape(-1, 4)[at], known[row, 7])
    bars = [child for ax in figure.axes for child in ax.child_axes]
    assert [bar.get_xlabel() for bar in bars] == ["a (m)"] * 2


@pytest.mark.parametrize("placed", [False, True], ids=["nowhere", "placed"])
def test_boxes_lie_at_their_pixels_in_the_colours_and_with_the_names_of_their_classes(placed):
    sample = picture(**BOXES, **(PLACE if placed else {}))
    (ax,) = plot_sample(sample, RGB, BoxOutputs(CLASSES)).axes
    boxes = [patch for patch in ax.patches if patch.get_gid() == BOX]
    edges = [(*p.get_xy(), p.get_x() + p.get_width(), p.get_y() + p.get_height()) for p in boxes]
    np.testing.assert_allclose(edges, BOXES["boxes"])
    colors = [
        "#{:02x}{:02x}{:02x}".format(*(round(255 * c) for c in p.get_edgecolor()[:3]))
        for p in boxes
    ]
    assert colors == [CLASSES.colors[2], CLASSES.colors[0]]
    assert [text.get_text() for text in ax.texts if text.get_gid() == NAME] == ["road", "forest"]
    assert ax.images[0].get_extent() == [0, W, H, 0]
    assert all(isinstance(p, Rectangle) and not p.get_fill() for p in boxes)


def test_predicted_boxes_stand_beside_the_truth_with_their_scores():
    figure = plot_sample(picture(**BOXES, **GUESSED), RGB, BoxOutputs(CLASSES))
    truth, answer = figure.axes
    assert [len([p for p in ax.patches if p.get_gid() == BOX]) for ax in (truth, answer)] == [2, 1]
    assert [text.get_text() for text in answer.texts] == ["0.75"]


def test_names_of_boxes_cover_no_other_name():
    boxes = np.array([[x, 20, x + 4, 26] for x in range(0, 50, 3)], np.float32)
    sample = picture(boxes=boxes, box_labels=np.arange(len(boxes)) % 3)
    wordy = Classes.of([f"{name} of the east" for name in CLASSES.names])
    figure = plot_sample(sample, RGB, BoxOutputs(wordy))
    figure.draw_without_rendering()
    names = [text.get_window_extent() for text in figure.axes[0].texts if text.get_gid() == NAME]
    assert 2 < len(names) < len(boxes)
    for i, one in enumerate(names):
        assert not any(one.overlaps(other) for other in names[i + 1 :])


def test_instances_are_tinted_and_outlined_in_the_colour_of_their_class():
    (ax,) = plot_sample(picture(**BOXES, box_masks=INSTANCES), RGB, BoxOutputs(CLASSES, True)).axes
    _, tinted = ax.images
    shown = tinted.get_array()
    color = [int(CLASSES.colors[2][i : i + 2], 16) for i in (1, 3, 5)]
    assert shown[20, 2].tolist() == [*color, 255]
    assert shown[28, 7][:3].tolist() == color
    assert 0 < shown[28, 7][3] < 128
    np.testing.assert_array_equal(shown[..., 3] > 0, INSTANCES.any(axis=0))


def test_an_instance_at_the_edge_of_its_picture_is_outlined_there():
    shown = tint(np.ones((1, 5, 5), bool), ["#ff0000"])[..., 3] == 255
    np.testing.assert_array_equal(shown, np.pad(np.zeros((3, 3), bool), 1, constant_values=True))


def test_dates_of_a_series_are_dark_and_bright_alike():
    image = np.stack([np.full((1, H, W), 10.0), np.linspace(0, 100, H * W).reshape(1, H, W)])
    figure = plot_sample({**PAIR, "image": image}, ["a"])
    first, second = (ax.images[0].get_array()[..., 0] for ax in figure.axes)
    tens = np.abs(image[1, 0] - 10) < 0.02
    assert tens.any()
    assert np.abs(second[tens].astype(int) - first[0, 0]).max() <= 1


def test_a_clouded_date_does_not_darken_the_others():
    image = rng.uniform(0.0, 0.2, (3, 3, H, W))
    image[1] = 0.9
    series = {"image": image, "times": np.arange(3.0), "valid_series": np.ones((3, H, W), bool)}
    first = plot_sample(series, RGB).axes[0].images[0].get_array()
    assert first[..., 0].mean() > 100


def test_dates_that_saw_nothing_are_left_out():
    seen = np.ones((9, H, W), bool)
    seen[[0, 1, 8]] = False
    figure = plot_sample({**MANY, "valid_series": seen}, RGB, dates=2)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["2010-01-03", "2010-01-08"]


def test_a_radar_is_shown_in_decibels_with_its_ratio_as_blue():
    linear = rng.gamma(2, 0.05, (2, H, W)).astype(np.float32) + 1e-3
    shown = (
        plot_sample({"image": linear}, [Band("a", "vh"), Band("b", "vv")])
        .axes[0]
        .images[0]
        .get_array()
    )
    vh, vv = 10 * np.log10(linear)
    for channel, values in enumerate((vv, vh, vv - vh)):
        low, high = np.percentile(values, [2, 98])
        expected = np.clip((values - low) / (high - low), 0, 1) * 255
        assert np.abs(shown[..., channel] - expected).max() <= 1
    decibels = (
        plot_sample({"image": np.stack([vh, vv])}, ["vh", "vv"]).axes[0].images[0].get_array()
    )
    assert np.abs(shown.astype(int) - decibels).max() <= 1


def test_which_channels_of_a_radar_are_its_polarisations():
    assert radar_pair(["vh_real", "VV (lee)"]) == (2, 1)
    assert radar_pair(["hh", "hv"]) == (1, 2)
    assert radar_pair(["vv"]) is None


@pytest.mark.parametrize(
    ("rgb", "channels"),
    [
        ("true", (0, 1, 2)),
        ("false", (3, 0, 1)),
        (None, (3, 0, 1)),
        (["b", 4, "r"], (2, 3, 0)),
        ([2], (1,)),
    ],
    ids=["true", "false", "chosen", "given", "grey"],
)
def test_which_channels_make_the_picture(rgb, channels):
    bands = [*RGB, Band("n", "nir")]
    (colors,) = colors_of(np.zeros((4, 2, 2), np.uint16), bands, rgb)
    assert colors.channels == channels


def test_a_wrong_answer_stands_out():
    wrong, right = (
        plot_sample(picture(label=np.array(0), prediction=np.array(answer)), RGB, CLASSES)
        for answer in (1, 0)
    )
    assert wrong._suptitle.get_color() == ERROR
    assert right._suptitle.get_color() != ERROR


def test_a_title_leaves_the_words_below_it():
    figure = plot_sample(picture(label=np.array(0)), RGB, CLASSES, title="Sample 7")
    assert figure.get_suptitle() == "Sample 7"
    assert [text.get_text() for text in figure.axes[0].texts] == ["forest"]


def test_a_large_sample_is_drawn_shrunk_and_boxes_stay_where_they_are():
    image = np.zeros((3, 1500, 3000), np.uint8)
    image[:, :, 1500:] = 255
    boxes = {"boxes": np.array([[1500.0, 0, 3000, 1500]]), "box_labels": np.array([0])}
    (ax,) = plot_sample({"image": image, **boxes}, RGB, BoxOutputs(CLASSES)).axes
    shown = ax.images[0].get_array()
    assert max(shown.shape) <= 1400
    assert ax.images[0].get_extent() == [0, 3000, 1500, 0]
    assert shown[:, : shown.shape[1] // 2 - 1, 0].max() == 0
    assert ax.patches[0].get_x() == 1500


def test_more_classes_than_a_legend_holds_are_counted():
    many = Classes.of([f"kind {i}" for i in range(60)], codes=range(60))
    figure = plot_sample({"mask": np.arange(60).repeat(60).reshape(60, 60)}, outputs=many)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(texts) == 41
    assert texts[-1] == "and 20 more"


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ({"image": np.zeros((2, 3, 8, 8))}, r"image is \(2, 3, 8, 8\): a batch is drawn"),
        ({"image": PHOTO, "boxes": np.zeros((2, 5, 4))}, r"boxes is \(2, 5, 4\): a batch"),
        (BOXES, "has nothing to draw; expected one of image"),
        ({**BOXES, "mask": CODES}, "boxes are drawn over an image, and the sample has none"),
    ],
    ids=["images", "boxes", "nothing", "no_image"],
)
def test_what_cannot_be_drawn_is_refused(sample, said):
    with pytest.raises(BandError, match=said):
        plot_sample(sample, RGB, CLASSES)


class TestSheets:
    @pytest.mark.parametrize("name", [name for name in KINDS if name != "pixel_series"])
    def test_of_every_kind(self, name):
        kind = KINDS[name]
        bands = kind.options.get("bands", RGB)
        figure = sheet_of([kind.sample] * 3, bands, kind.outputs)
        tiles = [ax for ax in figure.axes if ax.get_visible()]
        assert len(tiles) == 3
        assert all(len(ax.images) >= 1 for ax in tiles)
        assert figure_pixels(figure, dpi=40).std() > 5

    def test_words_stand_below_and_wrong_answers_are_framed(self):
        samples = [
            picture(label=np.array(0), prediction=np.array(answer), valid=VALID)
            for answer in (0, 1)
        ]
        right, wrong = sheet_of(iter(samples), RGB, CLASSES).axes
        assert right.get_xlabel() == "truth: forest\npredicted: forest"
        assert wrong.get_xlabel() == "truth: forest\npredicted: river"
        assert wrong.xaxis.label.get_color() == ERROR
        assert right.spines["left"].get_linewidth() < wrong.spines["left"].get_linewidth()

    def test_masks_stand_beside_the_image_and_boxes_over_it(self):
        (ax,) = sheet_of([picture(mask=CODES, **BOXES)], RGB, BoxOutputs(CLASSES)).axes
        image, mask = ax.images
        assert image.get_extent()[:2] == [0, W]
        assert mask.get_extent()[0] > W
        boxes = [patch for patch in ax.patches if patch.get_gid() == BOX]
        np.testing.assert_allclose([p.get_xy() for p in boxes], BOXES["boxes"][:, :2])

    def test_a_series_is_its_middle_date_and_a_pair_is_both(self):
        (ax,) = sheet_of([MANY], RGB).axes
        (image,) = ax.images
        middle = MANY["image"][4]
        limits = [limits_of(band.ravel(), (2, 98)) for band in middle]
        np.testing.assert_array_equal(
            image.get_array(), in_colors(middle, np.ones((H, W), bool), limits)
        )
        (pair,) = sheet_of([PAIR], RGB).axes
        assert len(pair.images) == 2

    def test_texts_are_given_and_samples_of_several_sizes_go_together(self):
        small = {"image": PHOTO[:, :20, :20]}
        figure = sheet_of([picture(), small], RGB, texts=["0", "1"], title="Both")
        assert [ax.get_xlabel() for ax in figure.axes] == ["0", "1"]
        assert figure.get_suptitle() == "Both"

    def test_texts_cover_no_neighbour(self):
        figure = sheet_of([picture()] * 6, RGB, texts=["a name of many words that go on " * 4] * 6)
        figure.draw_without_rendering()
        extents = [ax.xaxis.label.get_window_extent() for ax in figure.axes]
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(extents))

    def test_of_nothing_is_refused(self):
        with pytest.raises(BandError, match="one sample at least, and none was given"):
            sheet_of([], RGB)

    def test_thumbnails_are_in_true_colour(self):
        names = ("blue", "green", "red", "nir")
        values = np.arange(4, dtype=np.uint8).reshape(4, 1, 1) + 50
        shown = thumbnail(values, np.ones((1, 1), bool), names)
        assert shown.tolist() == [[[52, 51, 50, 255]]]
