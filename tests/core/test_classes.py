"""Classes: codes, positions and colours stay together."""

import colorsys
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoloom.core.classes import Classes, default_colors
from geoloom.core.errors import ModelError
from geoloom.core.jsonfile import JsonValue


@settings(max_examples=50, deadline=None)
@given(
    codes=st.lists(st.integers(0, 255), min_size=1, max_size=40, unique=True),
    data=st.data(),
)
def test_decode_undoes_encode_where_the_code_is_known(codes, data):
    classes = Classes.of([f"c{code}" for code in codes], codes=codes)
    pixels = np.array(data.draw(st.lists(st.integers(-3, 300), min_size=1, max_size=30)))
    positions, known = classes.encode(pixels)
    np.testing.assert_array_equal(known, np.isin(pixels, codes))
    np.testing.assert_array_equal(classes.decode(positions)[known], pixels[known])
    assert positions.dtype == np.int64
    assert classes.decode(positions).dtype == np.uint8


def test_zero_is_a_class_when_it_is_listed():
    positions, known = Classes.of(["bare", "forest"], codes=[0, 1]).encode(np.array([[0, 1, 2]]))
    assert positions.tolist() == [[0, 1, 0]]
    assert known.tolist() == [[True, True, False]]


def test_codes_count_from_one_when_left_out():
    assert Classes.of(["a", "b", "c"]).codes == (1, 2, 3)


def _hue(color: str) -> float:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return colorsys.rgb_to_hsv(red, green, blue)[0] * 360


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("forest", 90, 160),
        ("FLORESTA", 90, 160),
        ("water", 190, 250),
        ("HIDROGRAFIA", 190, 250),
        ("deforestation", 0, 30),
        ("DESMATAMENTO", 0, 30),
        ("NAO_FLORESTA", 35, 65),
        ("non-forest", 35, 65),
    ],
)
def test_names_of_nature_get_its_colours(name, low, high):
    assert low <= _hue(default_colors([name])[0]) <= high


def test_colours_are_distinct_for_every_count():
    names = ["forest", "Forest 2", "tree"] + [f"thing {i}" for i in range(200)]
    assert len(set(default_colors(names))) == len(names)


def test_survives_json():
    classes = Classes.of(["a", "b"], codes=[4, 0], colors=["#FF0000", "#00ff7f"])
    plain = JsonValue(json.loads(json.dumps(classes.to_dict())), "a.json", ModelError, "")
    assert Classes.from_json(plain) == classes
    assert classes.colormap() == {4: (255, 0, 0, 255), 0: (0, 255, 127, 255)}


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"names": []}, "at least one"),
        ({"names": ["a", "a"]}, "name used twice: a"),
        ({"names": ["a", "b"], "codes": [1, 1]}, "code used twice: 1"),
        ({"names": ["a"], "codes": [256]}, "outside 0..255"),
        ({"names": ["a"], "colors": ["red"]}, "#rrggbb"),
        ({"names": ["a", "b"], "codes": [1]}, r"\(2, 1, 2\)"),
    ],
)
def test_impossible_classes_are_refused(kwargs, said):
    with pytest.raises(ModelError, match=said):
        Classes.of(**kwargs)


@pytest.mark.parametrize(
    "names",
    [
        ["forest", "d2012", "water", "d2013", "other things"],
        [f"class {code}" for code in range(1, 30)],
        ["evergreen forest", "deciduous forest", "mixed forest", "crop", "plot"],
    ],
)
def test_a_class_keeps_its_colour_where_another_is_missing(names):
    whole = {name: color for name, _, color in Classes.of(names)}
    for missing in range(len(names)):
        rest = [name for name in names if name != names[missing]]
        codes = [names.index(name) + 1 for name in rest]
        for name, _, color in Classes.of(rest, codes):
            assert color == whole[name], (names[missing], name)


def test_a_colour_that_a_file_gives_is_kept_also_where_another_class_has_none():
    legend = Classes.from_legend({1: "forest", 5: "b"}, {1: (1, 2, 3, 255)})
    assert legend.colors[0] == "#010203"
    assert legend.colors[1] == Classes.of(["b"], [5]).colors[0]


def test_an_untouched_colour_table_gives_no_colours():
    table = dict.fromkeys(range(256), (0, 0, 0, 255))
    assert Classes.from_legend({1: "a", 2: "b"}, table) == Classes.of(["a", "b"])
    once = Classes.from_legend({1: "a", 2: "b"}, {**table, 2: (9, 9, 9, 255)})
    assert once.colors == ("#000000", "#090909")


def test_every_code_has_a_colour_of_its_own():
    names = [f"class {code}" for code in range(256)]
    assert len(set(default_colors(names, range(256)))) == 256
