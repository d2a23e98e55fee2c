"""The verbs on real small files, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from pyproj import CRS
from shapely import Point

import geoloom as gl
from geoloom.testing.simulate import simulated_scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return simulated_scene(tmp_path_factory.mktemp("scene"), size_px=192)


@pytest.fixture(scope="module")
def labels(scene, tmp_path_factory):
    from click.testing import CliRunner

    from geoloom.cli.app import app

    out = tmp_path_factory.mktemp("labels") / "labels.tif"
    words = ["rasterize", scene.truth, scene.scene, out, *(f"-c{n}" for n in scene.class_names)]
    assert CliRunner().invoke(app, [str(word) for word in words]).exit_code == 0
    return out


def test_rasterize_burns_what_the_layer_says(scene, labels):
    """Against GDAL's own burning of the reprojected polygons; a pixel may differ at an edge."""
    from rasterio.features import rasterize

    frame = geopandas.read_file(scene.truth).to_crs(str(scene.grid.crs))
    codes = [scene.class_names.index(name) + 1 for name in frame["class"]]
    expected = rasterize(
        zip(frame.geometry, codes, strict=True),
        out_shape=scene.grid.shape,
        transform=scene.grid.affine,
        dtype="uint8",
    )
    with rasterio.open(labels) as file:
        found = file.read(1)
        assert file.nodata == 0
        assert file.transform == scene.grid.affine
    assert (found != expected).mean() < 1e-3


def test_rasterize_groups_values_and_names_the_rest(geoloom, scene, tmp_path):
    out = tmp_path / "labels.tif"
    answer = geoloom(
        *("rasterize", scene.truth, scene.scene, out, "--json"),
        *("-c", "natural=forest,water", "--other", "rest"),
    )
    assert answer.code == 0
    assert list(answer.json["pixels"]) == ["natural", "rest"]
    assert answer.json["features"] > 3
    assert geoloom("info", out, "--json").json["classes"] == {"1": "natural", "2": "rest"}


def test_a_wrong_field_and_a_wrong_class_are_reported_with_the_right_ones(geoloom, scene, tmp_path):
    out = tmp_path / "labels.tif"
    wrong = geoloom("rasterize", scene.truth, scene.scene, out, "-f", "klass")
    assert wrong.code == 2
    assert "did you mean 'class'" in wrong.err
    wrong = geoloom("rasterize", scene.truth, scene.scene, out, "-c", "florest")
    assert wrong.code == 1
    assert "did you mean 'forest'" in wrong.err
    assert list(tmp_path.iterdir()) == []


def test_features_that_lie_elsewhere_make_no_label_raster(geoloom, scene, tmp_path):
    import shapely

    far, small = tmp_path / "far.gpkg", tmp_path / "small.gpkg"
    with rasterio.open(scene.scene) as file:
        crs, bounds, step = file.crs, file.bounds, file.transform.a
    places = {far: bounds.right + 9e4, small: bounds.left + 3.05 * step}
    for path, x in places.items():
        shape = shapely.box(x, bounds.top - 0.3 * step, x + 0.2 * step, bounds.top - 0.1 * step)
        frame = geopandas.GeoDataFrame({"class": ["forest"]}, geometry=[shape], crs=crs)
        frame.to_file(path)
    out = tmp_path / "out.tif"
    answer = geoloom("rasterize", far, scene.scene, out)
    assert answer.code == 1
    assert f"x {bounds.right + 9e4:.10g} to" in answer.err, "the layer's extent"
    assert f"x {bounds.left:.10g} to {bounds.right:.10g}" in answer.err, "the scene's"
    answer = geoloom("rasterize", small, scene.scene, out)
    assert answer.code == 1
    assert "--all-touched" in answer.err
    assert not out.exists()
    assert geoloom("rasterize", small, scene.scene, out, "--all-touched").code == 0


def test_a_geotiff_does_not_get_the_name_of_another_format(geoloom, scene, tmp_path):
    for name in ("labels.jpg", "labels.png", "labels.shp"):
        answer = geoloom("rasterize", scene.truth, scene.scene, tmp_path / name)
        assert answer.code == 1
        assert "name of another format" in answer.err
        assert "end it in .tif" in answer.err
    assert not list(tmp_path.iterdir())


def test_prepare_adds_indices_and_takes_clouds_out(geoloom, scene, tmp_path):
    out = tmp_path / "out.tif"
    answer = geoloom(
        *("prepare", scene.scene, out, "--index", "ndvi", "--json"),
        *("--band", "red=SR_B4", "--band", "nir=4", "--cloud-mask", scene.qa),
    )
    assert answer.code == 0, answer.err
    assert answer.json["bands"] == [*scene.bands, "ndvi"]
    with rasterio.open(scene.scene) as file, rasterio.open(scene.qa) as quality:
        red, nir = file.read([3, 4]) * file.scales[0] + file.offsets[0]  # reflectance
        hidden = (quality.read(1) & 0b11111 != 0) | (file.read(1) == 0)
    with rasterio.open(out) as file:
        found = file.read()
        assert file.descriptions == (*scene.bands, "ndvi")
        assert file.offsets == (-0.2,) * 6 + (0.0,)
    assert 0 < hidden.mean() < 1
    assert np.array_equal(np.isnan(found[0]), hidden)
    expected = (nir - red) / (nir + red)
    assert np.allclose(found[-1][~hidden], expected[~hidden], rtol=1e-4)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_prepare_refuses_clouds_of_another_place_and_says_what_part_it_knows(
    geoloom, scene, tmp_path
):
    with rasterio.open(scene.qa) as file:
        profile, quality, (left, *_) = file.profile, file.read(), file.bounds
    step = profile["transform"].a
    paths = []
    for moved_px in (1000, 96):
        paths.append(tmp_path / f"{moved_px}.tif")
        moved = rasterio.Affine.translation(moved_px * step, 0) @ profile["transform"]
        with rasterio.open(paths[-1], "w", **{**profile, "transform": moved}) as file:
            file.write(quality)
    out = tmp_path / "out.tif"
    answer = geoloom("prepare", scene.scene, out, "--cloud-mask", paths[0])
    assert answer.code == 1
    assert f"x {left + 1000 * step:.10g} to" in answer.err, "the mask's extent"
    assert f"x {left:.10g} to" in answer.err, "the scene's"
    assert not out.exists()
    answer = geoloom("prepare", scene.scene, out, "--cloud-mask", paths[1])
    assert answer.code == 0
    assert "covers 50.0 %" in answer.err


def test_prepare_says_which_band_is_missing(geoloom, scene, tmp_path):
    answer = geoloom("prepare", scene.scene, tmp_path / "out.tif", "-i", "ndvi")
    assert answer.code == 1
    assert "--band red=NUMBER" in answer.err
    answer = geoloom("prepare", scene.scene, tmp_path / "out.tif", "-i", "ndv")
    assert answer.code == 2
    assert "did you mean 'ndvi'" in answer.err


def test_prepare_joins_files(geoloom, scene, tmp_path):
    first, second = tmp_path / "a.tif", tmp_path / "b.tif"
    assert geoloom("prepare", scene.scene, first, "--drop", "SR_B2").code == 0
    assert geoloom("prepare", scene.scene, second, *(f"--drop={n}" for n in range(2, 7))).code == 0
    joined = geoloom("prepare", second, first, tmp_path / "c.tif", "--join", "bands", "--json")
    assert joined.json["bands"] == list(scene.bands)
    assert 0.5 < joined.json["observed"] <= 1
    assert geoloom("prepare", second, first, tmp_path / "d.tif").code == 2


def test_chips_are_cut_and_kept_apart(geoloom, scene, labels, tmp_path):
    out = tmp_path / "chips.zarr"
    answer = geoloom(
        *("chips", scene.scene, labels, out, "--size", 32, "--count", 24, "--val", 0, "--json"),
        *("--split", "regions", "--region", "train=left", "--region", "test=0.5,0,1,1"),
    )
    assert answer.code == 0, answer.err
    assert answer.json["chips"] == answer.json["train"] + answer.json["test"]
    from geoloom.chips.store import ChipStore

    table = ChipStore.open(out).table
    assert (table[table.split == "train"].col + 32 <= 96).all()
    assert (table[table.split == "test"].col >= 96).all()
    described = geoloom("info", out, "--json").json
    assert described["classes"] == list(scene.class_names)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--split", "regions"], "--regions: split regions needs regions"),
        (["--strategy", "centroids"], "--points: strategy centroids needs points"),
        (["--strategy", "randon"], "did you mean 'random'"),
        (["--test", "0.6", "--val", "0.5"], "nothing to train on"),
        (["--region", "train"], "expected NAME=VALUE"),
        (["--size", "0"], "--size: found 0; input should be greater than 0"),
    ],
)
def test_wrong_use_is_reported_before_any_work(geoloom, scene, labels, tmp_path, options, said):
    answer = geoloom("chips", scene.scene, labels, tmp_path / "chips.zarr", *options)
    assert answer.code == 2
    assert said in " ".join(answer.err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_product_is_replaced_only_when_asked(geoloom, scene, tmp_path):
    out = tmp_path / "labels.tif"
    words = ("rasterize", scene.truth, scene.scene, out, "--quiet")
    assert geoloom(*words).code == 0
    refused = geoloom(*words)
    assert refused.code == 1
    assert "--overwrite" in refused.err
    assert geoloom(*words, "--overwrite").code == 0


def test_a_missing_input_is_named(geoloom, tmp_path):
    answer = geoloom("predict", tmp_path / "model", tmp_path / "scene.tif", tmp_path / "map.tif")
    assert answer.code == 1
    assert "model" in answer.err
    assert "scene.tif" in answer.err


def test_the_record_holds_defaults_and_inputs(geoloom, scene, tmp_path):
    out = tmp_path / "labels.tif"
    assert geoloom("rasterize", scene.truth, scene.scene, out).code == 0
    record = json.loads(Path(f"{out}.run.json").read_text())
    assert record["verb"] == "rasterize"
    assert record["settings"]["all_touched"] is False
    paths = [(tmp_path / entry["path"]).resolve() for entry in record["inputs"]]
    assert paths == [scene.truth, scene.scene]
    assert record["settings"]["out"] == "labels.tif"


def test_info_knows_vectors_and_refuses_the_rest(geoloom, scene, tmp_path):
    facts = geoloom("info", scene.truth, "--field", "class", "--json").json
    assert set(facts["class"]) == set(scene.class_names)
    (tmp_path / "a.txt").write_text("words")
    refused = geoloom("info", tmp_path / "a.txt")
    assert refused.code == 1
    assert "Traceback" not in refused.err


def test_info_shows_values_as_classes_are_named_and_a_crs_in_words(geoloom, tmp_path):
    (tmp_path / "points.csv").write_text("lon,lat\n-60.1,-3.2\n")
    said = geoloom("info", tmp_path / "points.csv").out
    assert "Point (lon, lat)" in said
    dbase = geopandas.GeoDataFrame({"code": [1.0, 1.0, 2.0]}, geometry=[Point(0, 0)] * 3)
    dbase.to_file(tmp_path / "codes.shp")
    said = geoloom("info", tmp_path / "codes.shp", "--field", "code").out
    assert "1: 2, 2: 1" in said
    assert "none; say which by --assume-crs" in said
    albers = CRS("+proj=aea +lat_1=-1 +lat_2=-29 +lon_0=-54 +ellps=GRS80").to_wkt()
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8", crs=albers,
        transform=Affine(64, 0, 0, 0, -64, 0),
    ) as file:  # fmt: skip
        file.write(np.ones((1, 4, 4), "uint8"))
    assert "Albers Equal Area (no EPSG code)" in geoloom("info", tmp_path / "a.tif").out


def test_demo_makes_files_to_practise_on(geoloom, tmp_path):
    done = geoloom("demo", tmp_path / "sim", "--only-data", "--size", "160", "--json")
    assert done.code == 0, done.err
    assert all(Path(file).is_file() for file in done.json["files"])
    again = geoloom("demo", tmp_path / "sim", "--only-data", "--size", "160")
    assert again.code == 1
    assert "--overwrite" in again.err


def test_info_counts_the_pictures_of_class_folders(geoloom, tmp_path):
    for number in range(7):
        name, side = ("forest", 9) if number < 4 else ("river", 8)
        (tmp_path / name).mkdir(exist_ok=True)
        Image.new("RGB", (side, 8)).save(tmp_path / name / f"{number}.png")
    (tmp_path / "forest" / "0.png").write_bytes(b"")
    facts = geoloom("info", tmp_path, "--json").json
    assert facts["kind"] == "class folders"
    assert facts["classes"] == {"forest": 4, "river": 3}
    assert facts["sizes"] == [
        {"width": 9, "height": 8, "count": 3},
        {"width": 8, "height": 8, "count": 3},
    ]
    assert (facts["pictures"], facts["type"], facts["bands"]) == (
        6,
        ["uint8"],
        [["red", "green", "blue"]],
    )
    assert "0.png is empty" in facts["unreadable"][0]
    said = geoloom("info", tmp_path).out
    assert "9 x 8 px: 3, 8 x 8 px: 3" in said
    assert "red, green, blue" in said
    picture = geoloom("info", tmp_path / "river" / "5.png", "--json").json
    assert (picture["kind"], picture["width"], picture["height"]) == ("picture", 8, 8)


def test_models_lists_networks_with_their_options(geoloom):
    assert "width" in geoloom("models", "fcn8s", "--json").json["model"]["options"]


@pytest.fixture
def model_of_reflectance(tmp_path):
    """A model folder and a scene of reflectance that does not declare it."""
    import torch

    from geoloom.core.bands import Band
    from geoloom.core.classes import Classes
    from geoloom.core.outputs import ClassOutputs
    from geoloom.models.card import ModelCard
    from geoloom.models.registry import create_model
    from geoloom.models.saved import save_model

    torch.manual_seed(0)
    options, outputs = {"width": 0.1, "depth": 1}, ClassOutputs(Classes.of(["a", "b"]))
    bands = (Band("red", "red", unit="surface_reflectance", scale=1e-4),)
    card = ModelCard("unet", options, bands, outputs, dtype="uint16")
    save_model(tmp_path / "model", create_model("unet", 1, outputs=outputs, **options), card)
    with rasterio.open(
        tmp_path / "scene.tif", "w", driver="GTiff", count=1, height=40, width=50, dtype="float32",
        crs="EPSG:32722", transform=rasterio.transform.from_origin(0, 0, 30, 30),
    ) as target:  # fmt: skip
        target.write(np.random.default_rng(0).random((1, 40, 50), "float32"))
        target.descriptions = ["red"]
    return tmp_path


def test_predict_is_told_the_unit_of_a_scene_that_does_not_say(geoloom, model_of_reflectance):
    folder = model_of_reflectance
    call = "predict", folder / "model", folder / "scene.tif", folder / "map.tif"
    refused = geoloom(*call)
    assert refused.code == 1
    assert "--unit surface_reflectance" in refused.err
    wrong = geoloom(*call, "--unit", "surfac_reflectance")
    assert (wrong.code, "did you mean 'surface_reflectance'" in wrong.err) == (2, True)
    assert geoloom(*call, "--unit", "surface_reflectance").code == 0
    assert geoloom("info", folder / "model", "--json").json["units"] == ["surface_reflectance"]
    files = {"model": "model", "scene": "scene.tif", "out": "again.tif"}
    step = {key: str(folder / name) for key, name in files.items()}
    step["unit"] = "surface_reflectance"
    (folder / "p.yaml").write_text(json.dumps({"steps": [{"predict": step}]}))
    assert geoloom("run", folder / "p.yaml").code == 0
    assert (folder / "again.tif").read_bytes() == (folder / "map.tif").read_bytes()


def test_predict_takes_scenes_in_many_forms_alike_from_all_doors(geoloom, model_of_reflectance):
    """Two halves of a scene and an area of it: the same bytes by words, by a project and in Python."""
    folder = model_of_reflectance
    with rasterio.open(folder / "scene.tif") as whole:
        for name, left in (("west", 0), ("east", 25)):
            window = rasterio.windows.Window(left, 0, 25, 40)
            profile = {**whole.profile, "width": 25, "transform": whole.window_transform(window)}
            with rasterio.open(folder / f"{name}.tif", "w", **profile) as half:
                half.write(whole.read(window=window))
                half.descriptions = ["red"]
    halves = folder / "west.tif", folder / "east.tif"
    box = "300,-900,1200,-300"
    common = "--roi", box, "--roi-crs", "EPSG:32722", "--unit", "surface_reflectance"
    unjoined = geoloom("predict", folder / "model", *halves, folder / "map.tif", *common)
    assert unjoined.code == 1
    assert "--join mosaic" in unjoined.err
    call = "predict", folder / "model", *halves, folder / "map.tif", "--join", "mosaic", *common
    answer = geoloom(*call, "--json")
    assert (answer.json["width"], answer.json["height"]) == (30, 20)
    step = {"model": str(folder / "model"), "scene": list(map(str, halves)), "join": "mosaic"}
    step |= {"out": str(folder / "again.tif"), "roi": [300, -900, 1200, -300]}
    step |= {"roi_crs": "EPSG:32722", "unit": "surface_reflectance"}
    (folder / "p.yaml").write_text(json.dumps({"steps": [{"predict": step}]}))
    assert geoloom("run", folder / "p.yaml").code == 0
    roi = ((300, -900, 1200, -300), "EPSG:32722")
    gl.predict(
        folder / "model", list(halves), folder / "python.tif", join="mosaic", roi=roi,
        unit="surface_reflectance",
    )  # fmt: skip
    made = {(folder / f"{name}.tif").read_bytes() for name in ("map", "again", "python")}
    assert len(made) == 1


def test_predict_maps_each_scene_of_a_folder(geoloom, model_of_reflectance):
    folder = model_of_reflectance
    (folder / "scenes").mkdir()
    with rasterio.open(folder / "scene.tif") as scene:
        for name, crs in (("a_20190705", "EPSG:32722"), ("b_20200101", "EPSG:32723")):
            with rasterio.open(
                folder / "scenes" / f"{name}.tif", "w", **{**scene.profile, "crs": crs}
            ) as copy:
                copy.write(scene.read())
                copy.descriptions = ["red"]
    unit = "--unit", "surface_reflectance"
    call = "predict", folder / "model", folder / "scenes", folder / "maps", *unit
    apart = geoloom(*call)
    assert apart.code == 1
    assert "lie in 2 CRSs (EPSG:32722, EPSG:32723)" in apart.err
    assert "--per-scene" in apart.err
    assert not (folder / "maps").exists()
    answer = geoloom(*call, "--per-scene", "--json")
    assert answer.json["maps"] == 2
    assert (
        geoloom("predict", folder / "model", folder / "scene.tif", folder / "m.tif", *unit).code
        == 0
    )
    maps = [folder / "maps" / f"{name}.tif" for name in ("a_20190705", "b_20200101")]
    assert maps[0].read_bytes() == (folder / "m.tif").read_bytes()
    again = geoloom(*call, "--per-scene")
    assert again.code == 1
    assert "--overwrite" in again.err
    both = geoloom(*call, "--per-scene", "--join", "mosaic")
    assert both.code == 2
    assert "--join: does not go with per_scene" in both.err
    step = {"model": str(folder / "model"), "scene": str(folder / "scenes"), "per_scene": True}
    step |= {"out": str(folder / "again"), "unit": "surface_reflectance"}
    (folder / "p.yaml").write_text(json.dumps({"steps": [{"predict": step}]}))
    assert geoloom("run", folder / "p.yaml").code == 0
    made = [(folder / "again" / path.name).read_bytes() for path in maps]
    assert made == [path.read_bytes() for path in maps]
    assert "nothing changed" in geoloom("run", folder / "p.yaml").err


def test_predict_tells_beforehand_what_it_will_read(geoloom, model_of_reflectance):
    folder = model_of_reflectance
    before = sorted(folder.rglob("*"))
    call = "predict", folder / "model", folder / "scene.tif", folder / "map.tif"
    told = geoloom(*call, "--unit", "surface_reflectance", "--tile", 32, "--dry-run")
    assert told.code == 0
    assert "50 x 40 px of 30 x 30 in EPSG:32722" in told.out
    assert "scene.tif bands 1: rows 0 to 40, columns 0 to 50; gdal, copy" in told.out
    told = geoloom(*call, "--unit", "surface_reflectance", "--dry-run", "--json").json
    assert (told["width"], told["reads"][0]["file"]) == (50, str(folder / "scene.tif"))
    assert geoloom(*call, "--dry-run").code == 1  # what would be refused is refused
    assert sorted(folder.rglob("*")) == before


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    "words",
    [
        ("prepare", "scene.tif", "scene.tif"),
        ("prepare", "scene.tif", "linked.tif"),
        ("rasterize", "l.shp", "scene.tif", "scene.tif"),
        ("rasterize", "l.shp", "scene.tif", "l.shp"),
        ("rasterize", "l.shp", "scene.tif", "l.dbf"),
        ("chips", "scene.tif", "labels.tif", "{here}"),
        ("evaluate", "labels.tif", "l.shp", "--class-field", "class", "--out", "l.json"),
        ("train", "chips.zarr", "chips.zarr"),
        ("predict", "model", "scene.tif", "model/map.tif"),
        ("predict", "model", "scene.tif", "map.tif", "--probabilities", "scene.tif"),
        ("predict", "model", "scene.tif", "map.tif", "--probabilities", "map.tif"),
        ("report", "model", "labels.tif", "scene.tif", "--scene", "scene.tif"),
        ("report", "model", "labels.tif", "labels.tif"),
    ],
)
def test_a_product_never_replaces_what_it_is_made_from(
    geoloom, scene, labels, tmp_path, monkeypatch, words
):
    import shutil

    monkeypatch.chdir(tmp_path)
    shutil.copy(scene.scene, "scene.tif")
    shutil.copy(labels, "labels.tif")
    Path("linked.tif").symlink_to("scene.tif")
    geopandas.read_file(scene.truth).to_file("l.shp")
    shutil.copy("l.shp", "l.txt")
    if words[-1] == "l.json":  # the text beside the figures would be the truth's own
        Path("l.txt").unlink()
        Path("l.txt").symlink_to("l.shp")
    for folder, inside in (("model", "model.json"), ("chips.zarr", "zarr.json")):
        Path(folder).mkdir()
        Path(folder, inside).write_text("precious")
    before = _bytes(tmp_path)
    refused = geoloom(*(word.format(here=tmp_path) for word in words), "--overwrite")
    assert refused.code != 0
    assert any(
        said in refused.err
        for said in ("is an input", "which is an input", "two products", "holds the input")
    ), refused.err
    assert _bytes(tmp_path) == before
    assert _bytes(Path("model")) == {"model.json": b"precious"}
    assert _bytes(Path("chips.zarr")) == {"zarr.json": b"precious"}


def test_what_an_interrupted_command_left_is_its_own(geoloom, scene, tmp_path):
    """A kill between the product and its record, and the same command once more."""
    out = tmp_path / "labels.tif"
    words = ("rasterize", scene.truth, scene.scene, out, "--quiet")
    assert geoloom(*words).code == 0
    record = Path(f"{out}.run.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "status": "started"}))
    assert geoloom(*words, "--other", "rest").code == 1
    assert geoloom(*words).code == 0


def test_colours_are_those_that_the_user_gives(geoloom, scene, tmp_path):
    out = tmp_path / "labels.tif"
    words = ("rasterize", scene.truth, scene.scene, out, "--color", "water=#0102FF")
    assert geoloom(*words, "--color", "lava=#000001").code == 1
    assert not out.exists()
    answer = geoloom(*words)
    assert answer.code == 0, answer.err
    with rasterio.open(out) as file:
        code = sorted(scene.class_names).index("water") + 1
        assert file.colormap(1)[code] == (1, 2, 255, 255)
    assert geoloom(*words[:-1], "water=blue").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("chips", "s.tif", "l.tif", "c.zarr", "--more", "a.tif=b.tif", "--more", "a.tif=c.tif"),
        ("prepare", "s.tif", "o.tif", "--band", "red=1", "--band", "red=2"),
        ("train", "c.zarr", "m", "--option", "width=1", "--option", "width=2"),
        ("rasterize", "l.shp", "s.tif", "o.tif", "-c", "forest=A", "-c", "forest=B"),
    ],
)
def test_a_name_that_is_given_twice_is_refused(geoloom, words):
    refused = geoloom(*words)
    assert refused.code == 2
    assert "given twice" in " ".join(refused.err.split())


def test_info_gives_machines_numbers_and_people_units(geoloom, scene, tmp_path):
    facts = geoloom("info", scene.scene, "--json").json
    assert (facts["width"], facts["height"]) == (192, 192)
    assert facts["pixel"] == [30.0, 30.0]
    assert facts["unit"] == "metre"
    assert facts["nodata"] == [0]
    said = geoloom("info", scene.scene).out
    assert "192 x 192 px" in said
    assert "30 x 30 metre" in said
    degrees = tmp_path / "degrees.tif"
    with rasterio.open(
        degrees, "w", driver="GTiff", width=4, height=4, count=1, dtype="float32", crs="EPSG:4326",
        transform=rasterio.Affine(8.14913e-05, 0, -60, 0, -8.14913e-05, -9), nodata=float("nan"),
    ) as file:  # fmt: skip
        file.write(np.zeros((1, 4, 4), np.float32))
    assert geoloom("info", degrees, "--json").json["nodata"] == ["nan"]
    assert "0.0000814913 x 0.0000814913 degree" in geoloom("info", degrees).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--stride", 16), "--stride: goes with strategy sequential, not random"),
        (("--strategy", "sequential", "--count", 9), "--count: goes with strategy random"),
        (
            ("--split", "none", "--test", 0.3),
            "--test: goes with split block, cell, scene, feature or random, not none",
        ),
        (("--split", "random", "--block-px", 99), "--block-px: goes with split block, not random"),
        (("--split", "random", "--buffer-px", 9), "--buffer-px: goes with split block or regions"),
    ],
)
def test_what_would_change_nothing_about_the_chips_is_reported(
    geoloom, scene, labels, tmp_path, words, said
):
    refused = geoloom("chips", scene.scene, labels, tmp_path / "c.zarr", "--size", 32, *words)
    assert refused.code == 2
    assert said in refused.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", ["prepare", "predict", "rasterize"])
def test_what_is_no_crs_is_reported_before_any_work(geoloom, scene, tmp_path, verb):
    (tmp_path / "model").mkdir()
    words = {
        "prepare": (scene.scene,),
        "predict": (tmp_path / "model", scene.scene),
        "rasterize": (scene.truth, scene.scene),
    }[verb]
    refused = geoloom(verb, *words, tmp_path / "out.tif", "--assume-crs", "banana")
    assert refused.code == 2
    assert "--assume-crs: found 'banana'; expected a CRS, such as EPSG:32720" in refused.err


@pytest.mark.parametrize(
    "words",
    [
        ("chips", "s.tif", "l.tif", "c.zarr", "--size", 10**9),
        ("chips", "s.tif", "l.tif", "c.zarr", "--count", 10**15),
        ("predict", "m", "s.tif", "o.tif", "--tile", 10**9),
        ("train", "c.zarr", "m", "--batch-size", 10**9),
        ("train", "c.zarr", "m", "--seed", 2**40),
        ("evaluate", "m", "c.zarr", "--batch-size", 10**9),
    ],
)
def test_absurd_sizes_are_reported_before_any_work(geoloom, words):
    refused = geoloom(*words)
    assert refused.code == 2
    assert f"{words[-2]}: found {words[-1]}; input should be less than" in refused.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("rasterize", "s.tif", "l.gpkg", "o.tif"),
            "--labels: s.tif cannot be read as a vector layer",
        ),
        (("train", "model", "chips.zarr"), "--chips: model is not a chip store"),
        (("predict", "s.tif", "model", "o.tif"), "--model: s.tif is not a model folder"),
        (("report", "s.tif", "model", "o.html"), "--model: s.tif is not a model folder"),
        (("evaluate", "chips.zarr", "model"), "--chips: model is not a chip store"),
        (("evaluate", "model", "s.tif"), "--chips: s.tif is not a chip store"),
        (("evaluate", "s.tif", "l.gpkg", "--roi", "1,2,3"), "expected four numbers"),
    ],
)
def test_swapped_arguments_are_reported_by_what_they_are(
    geoloom, scene, tmp_path, monkeypatch, words, said
):
    monkeypatch.chdir(tmp_path)
    Path("s.tif").symlink_to(scene.scene)
    Path("l.gpkg").symlink_to(scene.truth)
    for folder, inside in (("model", "model.json"), ("chips.zarr", "zarr.json")):
        Path(folder).mkdir()
        Path(folder, inside).write_text("{}")
    refused = geoloom(*words)
    assert refused.code == 2
    assert said in " ".join(refused.err.split())
    assert "foresaw" not in refused.err


def test_a_wrong_value_is_reported_once(geoloom):
    refused = geoloom("train", "c.zarr", "m", "--class-weights", "balancd")
    assert "did you mean 'balanced'?" in refused.err
    assert "tuple" not in refused.err


def test_what_a_shell_user_reads_is_spelled_for_the_shell(geoloom, scene, tmp_path):
    bare = tmp_path / "bare.tif"
    with rasterio.open(scene.scene) as file:
        profile = {**file.profile, "crs": None}
        with rasterio.open(bare, "w", **profile) as out:
            out.write(file.read())
    assert "--assume-crs EPSG:" in geoloom("prepare", bare, tmp_path / "o.tif").err
    nameless = geoloom("evaluate", scene.qa, scene.qa, "--out", tmp_path / "a.json")
    assert "geoloom predict" in nameless.err
    assert "Classes.of" not in nameless.err
