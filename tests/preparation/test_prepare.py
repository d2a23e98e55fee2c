"""`gl.prepare` writes the bytes of the command line, with every option, and refuses what cannot be done."""

from __future__ import annotations

import dataclasses
import inspect
import os

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from click.testing import CliRunner

import geoloom as gl
from geoloom.cli.app import app
from geoloom.core.errors import (
    BandError,
    ConfigError,
    DatasetError,
    GeoloomError,
    GridError,
    ReadError,
    WriteError,
)
from geoloom.preparation.options import PrepareOptions
from geoloom.preparation.scene import PreparedScene
from geoloom.project.steps.prepare import Prepare
from geoloom.transforms.normalize import Normalization
from small_files import TRANSFORM, ramp, save

CLEAR, CLOUD = 21824, 22280
"""Values of QA_PIXEL, Landsat Collection 2."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Reflectance x 10000 in `scene.tif`, a neighbour, quality bands in a file and in a scene, an area."""
    rng = np.random.default_rng(5)
    image = rng.integers(1, 9000, (3, 60, 70)).astype(np.int16)
    image[:, :6, :9] = -1
    image[1, 30, 30] = 77
    names = ("blue", "red", "nir")
    save(tmp_path / "scene.tif", image, names=names, nodata=-1)
    moved = TRANSFORM @ Affine.translation(20, 10)
    save(tmp_path / "second.tif", image[:, ::-1], names=names, nodata=-1, transform=moved)
    qa = np.where(rng.random((60, 70)) < 0.3, CLOUD, CLEAR).astype(np.uint16)
    save(tmp_path / "qa.tif", qa)
    scl = np.where(qa == CLOUD, 9, 4).astype(np.int16)
    inside = np.concatenate([image, scl[None]])
    save(tmp_path / "inside.tif", inside, names=(*names, "scl"), nodata=-1)
    area = shapely.Polygon([(500_200, 8_999_900), (501_900, 8_999_300), (500_600, 8_998_500)])
    frame = geopandas.GeoDataFrame(geometry=[area], crs="EPSG:32722")
    frame.to_crs("EPSG:4326").to_file(tmp_path / "area.gpkg")
    save(tmp_path / "bare.tif", image, names=names, crs=None)
    save(tmp_path / "stretched.tif", (image // 40).clip(0, 255).astype(np.uint8), names=names)
    monkeypatch.chdir(tmp_path)
    return tmp_path


CASES = {
    "as it is": (["scene.tif"], [], {}),
    "indices": (
        ["scene.tif"],
        ["--index", "ndvi", "-i", "evi2", "--factor", "10000", "--drop", "blue", "--drop", "3"],
        {"index": ["ndvi", "evi2"], "factor": 10000, "drop": ["blue", 3]},
    ),
    "bands by number and name": (
        ["scene.tif"],
        ["-i", "ndvi", "--band", "red=3", "--band", "nir=red", "--nodata", "77"],
        {"index": "ndvi", "band": {"red": 3, "nir": "red"}, "nodata": 77},
    ),
    "normalised": (["scene.tif"], ["--normalize", "median_std"], {"normalize": "median_std"}),
    "mosaic, cropped": (
        ["scene.tif", "second.tif"],
        ["--join", "mosaic", "--roi", "area.gpkg"],
        {"join": "mosaic", "roi": "area.gpkg"},
    ),
    "dates, polygons": (
        ["scene.tif", "second.tif"],
        ["--join", "dates", "--roi", "area.gpkg", "--crop-to", "polygons", "--nodata", "-7"],
        {"join": "dates", "roi": "area.gpkg", "crop_to": "polygons", "nodata": -7},
    ),
    "bands of two files": (["scene.tif", "qa.tif"], ["--join", "bands"], {"join": "bands"}),
    "cloud mask": (["scene.tif"], ["--cloud-mask", "qa.tif"], {"cloud_mask": "qa.tif"}),
    "cloud values": (
        ["scene.tif"],
        ["--cloud-mask", "qa.tif", "--cloud-values", f"{CLEAR},7"],
        {"cloud_mask": "qa.tif", "cloud_values": [CLEAR, 7]},
    ),
    "radar": (
        ["scene.tif"],
        ["--speckle", "lee:size=3,looks=2", "--to-unit", "dB", "--unit", "linear"],
        {"speckle": "lee:size=3,looks=2", "to_unit": "dB", "unit": "linear"},
    ),
    "coarser": (["scene.tif"], ["--resolution", "75"], {"resolution": 75}),
    "names and units": (
        ["scene.tif"],
        ["--name", "1=coastal", "--name", "red=deep red", "--unit", "surface_reflectance"],
        {"name": {1: "coastal", "red": "deep red"}, "unit": "surface_reflectance"},
    ),
    "cloud band": (
        ["inside.tif"],
        ["--cloud-band", "scl", "--sensor", "sentinel2_scl"],
        {"cloud_band": "scl", "sensor": "sentinel2_scl"},
    ),
    "without a CRS": (["bare.tif"], ["--assume-crs", "EPSG:32722"], {"assume_crs": "EPSG:32722"}),
    "all bands decide": (
        ["stretched.tif"],
        ["--nodata-rule", "all", "--nodata", "0"],
        {"nodata_rule": "all", "nodata": 0},
    ),
}


@pytest.mark.parametrize(("files", "words", "options"), CASES.values(), ids=CASES)
def test_equals_the_command_line(folder, files, words, options):
    done = CliRunner().invoke(app, ["prepare", *files, "shell.tif", *words])
    assert done.exit_code == 0, done.stderr
    files = files[0] if len(files) == 1 else files
    made = gl.prepare(files, "python.tif", **options)
    assert made.path.read_bytes() == (folder / "shell.tif").read_bytes()
    with rasterio.open("python.tif") as file:
        assert made.bands == file.descriptions
        assert made.dtype == file.dtypes[0]
        seen = (file.read_masks() > 0).all(axis=0) if file.nodata is not None else np.ones(1)
        assert made.observed == pytest.approx(seen.mean())
    hidden = [name for name in os.listdir(folder) if name.startswith(".")]
    assert not hidden


@pytest.mark.parametrize(("files", "words", "options"), CASES.values(), ids=CASES)
def test_every_option_of_a_case_matters(folder, files, words, options):
    """Without it, the bytes are others, or nothing can be made."""
    files = files[0] if len(files) == 1 else files
    made = gl.prepare(files, "all.tif", **options).path.read_bytes()
    for left_out in options:
        others = {name: value for name, value in options.items() if name != left_out}
        try:
            other = gl.prepare(files, "other.tif", **others, overwrite=True).path.read_bytes()
        except GeoloomError:
            continue
        assert other != made, left_out


def test_every_option_is_compared_with_the_command_lines():
    tried = {name for _, _, options in CASES.values() for name in options}
    assert tried | {"normalization"} == set(options_of_prepare())


def options_of_prepare() -> list[str]:
    names = list(inspect.signature(gl.prepare).parameters)
    return [n for n in names if n not in ("images", "out", "overwrite", "progress")]


def test_the_options_are_those_of_the_project_file():
    fields = [field.name for field in dataclasses.fields(PrepareOptions)]
    assert options_of_prepare() == [name for name in fields if name != "scenes"]
    assert set(options_of_prepare()) == set(Prepare.model_fields) - {"scene", "out", "roi_crs"}


def test_another_scene_is_normalised_as_the_first_was(folder):
    gl.prepare("scene.tif", "first.tif", index="ndvi", normalize="mean_std")
    rule = "first.normalization.json"
    words = ["prepare", "second.tif", "shell.tif", "-i", "ndvi", "--normalization", rule]
    assert CliRunner().invoke(app, words).exit_code == 0
    for out, given in (("a.tif", rule), ("b.tif", Normalization.load(rule))):
        made = gl.prepare("second.tif", out, index=["ndvi"], normalization=given)
        assert made.path.read_bytes() == (folder / "shell.tif").read_bytes()
    assert (folder / "a.normalization.json").read_bytes() == (folder / rule).read_bytes()


def test_progress_and_what_was_written_are_told(folder):
    calls = []
    made = gl.prepare("scene.tif", "out.tif", progress=lambda *counts: calls.append(counts))
    assert calls == [(1, 1)]
    assert made == PreparedScene(made.path, ("blue", "red", "nir"), "int16", made.observed)
    assert made.observed == pytest.approx(1 - 54 / 4200)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"join": "bands"}, "join goes with several scenes"),
        ({"join": "mosaik"}, "join found 'mosaik'; did you mean 'mosaic'"),
        ({"roi": "area.gpkg", "crop_to": "polygon"}, "crop_to .*did you mean 'polygons'"),
        ({"cloud_mask": "qa.tif", "cloud_band": 1}, "cloud_mask is a file"),
        ({"cloud_mask": "qa.tif", "sensor": "landsat"}, "sensor .*did you mean 'landsat_c2'"),
        ({"index": "nddvi"}, "no index is named 'nddvi'; did you mean 'ndvi'"),
        ({"index": "evi", "factor": 0}, "factor found 0"),
        ({"normalize": "mean"}, "no normalisation is named 'mean'; did you mean 'mean_std'"),
        ({"normalize": "mean_std", "normalization": "a.json"}, "normalize fits new numbers"),
        ({"nodata_rule": "all", "roi": "area.gpkg"}, "nodata_rule all is applied to a scene as"),
        ({"nodata_rule": "some"}, "nodata_rule found 'some'"),
    ],
)
def test_what_does_not_go_together_is_refused_before_any_work(folder, options, said):
    before = sorted(os.listdir(folder))
    with pytest.raises(ConfigError, match=said):
        gl.prepare("scene.tif", "out.tif", **options)
    assert sorted(os.listdir(folder)) == before


def test_no_scene_and_what_is_missing_are_told(folder):
    with pytest.raises(ConfigError, match="images names no file"):
        gl.prepare([], "out.tif")
    with pytest.raises(ConfigError, match="join goes with several"):
        gl.prepare(["scene.tif", "second.tif"], "out.tif")
    with pytest.raises(ReadError, match=r"none.tif"):
        gl.prepare("none.tif", "out.tif")
    with pytest.raises(BandError, match=r"needs the red band.*band=\{'red': NUMBER\}"):
        gl.prepare("qa.tif", "out.tif", index="ndvi")
    with pytest.raises(BandError, match="no band besides its quality band"):
        gl.prepare("qa.tif", "out.tif", cloud_band=1)
    with pytest.raises(BandError, match="0"):
        gl.prepare("scene.tif", "out.tif", cloud_band=0, sensor="sentinel2_scl")
    far = save(
        folder / "far.tif", ramp((1, 5, 5)), transform=TRANSFORM @ Affine.translation(9e3, 0)
    )
    with pytest.raises(GridError, match=r"no feature of area\.gpkg"):
        gl.prepare(far, "out.tif", roi="area.gpkg")
    assert "out.tif" not in os.listdir(folder)


def test_a_pattern_is_in_the_order_of_numbers_and_a_list_in_its_own(folder, caplog):
    for number in (1, 2, 10):
        save(folder / f"B{number}.tif", np.full((1, 5, 5), number, "uint8"))
    assert gl.prepare("B*.tif", "a.tif", join="bands").bands == ("B1", "B2", "B10")
    assert not caplog.text
    listed = ["B2.tif", "B10.tif", "B1.tif"]
    assert gl.prepare(listed, "b.tif", join="bands").bands == ("B2", "B10", "B1")
    assert not caplog.text
    by_shell = ["B1.tif", "B10.tif", "B2.tif"]
    assert gl.prepare(by_shell, "c.tif", join="bands").bands == ("B1", "B10", "B2")
    assert "in quotes for B1.tif, B2.tif, B10.tif" in caplog.text
    with pytest.raises(DatasetError, match=r"no file matches C\*\.tif"):
        gl.prepare("C*.tif", "d.tif", join="bands")
    with pytest.raises(ConfigError, match=r"its uint8 no NaN; .*--nodata 255"):
        gl.prepare("a.tif", "d.tif", cloud_band=3, cloud_values=10)
    step = Prepare(scene="B*.tif", out="e.tif", join="bands")
    assert [path.name for _, path in step.inputs()] == ["B1.tif", "B2.tif", "B10.tif"]
    assert not list(step.problems())


def test_products_replace_nothing_without_leave_and_inputs_never(folder):
    gl.prepare("scene.tif", "out.tif", normalize="mean_std")
    rule = folder / "out.normalization.json"
    for refused in ("out.tif", "out.normalization.json"):
        if refused != "out.tif":
            os.remove("out.tif")
        with pytest.raises(WriteError, match=f"{refused} exists.*overwrite=True"):
            gl.prepare("scene.tif", "out.tif", normalize="norm_range")
    gl.prepare("second.tif", "out.tif", normalize="norm_range", overwrite=True)
    assert Normalization.load(rule).kind == "norm_range"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for out, options in (
        ("scene.tif", {}),
        ("area.gpkg", {"roi": "area.gpkg"}),
        ("qa.tif", {"cloud_mask": "qa.tif"}),
        ("out.tif", {"normalization": "out.normalization.json"}),
    ):
        with pytest.raises(WriteError, match="is an input"):
            gl.prepare("scene.tif", out, overwrite=True, **options)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_units_stay_with_their_bands(folder):
    with rasterio.open(folder / "scene.tif", "r+") as file:
        file.units = ("surface_reflectance", "surface_reflectance", "DN")
    gl.prepare("scene.tif", "out.tif", index=["ndvi"], drop=["blue"])
    with rasterio.open("out.tif") as file:
        assert file.units == ("surface_reflectance", "DN", "index")
    gl.prepare(["scene.tif", "qa.tif"], "joined.tif", join="bands")
    with rasterio.open("joined.tif") as file:
        assert [unit or None for unit in file.units] == [
            "surface_reflectance", "surface_reflectance", "DN", None,
        ]  # fmt: skip
    gl.prepare("scene.tif", "normal.tif", normalize="mean_std", index=["ndvi"])
    with rasterio.open("normal.tif") as file:
        assert not any(file.units)
