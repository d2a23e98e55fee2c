"""The demo's own project file on a small scene: the whole cycle, once, then skipped, then in part."""

from __future__ import annotations

from importlib.resources import files

import pytest
import rasterio

from geoloom.testing.simulate import simulated_scene

SMALL = (
    *("--set", "chips.size=32", "--set", "chips.count=60", "--set", "epochs=1"),
    *("--set", "train.batch_size=32", "--set", "predict.tile=128", "--set", "predict.halo=16"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("cycle")
    simulated_scene(place / "data", size_px=192)
    text = files("geoloom.cli").joinpath("demo.yaml").read_text()
    (place / "project.yaml").write_text(text)
    return place


def test_the_whole_cycle_runs_and_is_not_repeated(geoloom, folder):
    done = geoloom("run", folder / "project.yaml", *SMALL, "--json")
    assert done.code == 0, done.err
    by_verb = {step["verb"]: step["result"] for step in done.json["steps"]}
    assert by_verb["chips"]["train"] > 0
    assert 0 < by_verb["evaluate"]["accuracy"] <= 1
    assert "<html" in (folder / "report.html").read_text()
    with (
        rasterio.open(folder / "map.tif") as mapped,
        rasterio.open(folder / "prepared.tif") as scene,
    ):
        assert mapped.transform == scene.transform
        assert mapped.crs == scene.crs
        assert mapped.colormap(1)
    for product in ("prepared.tif", "labels.tif", "chips.zarr", "model", "map.tif", "report.html"):
        assert (folder / f"{product}.run.json").is_file()
    assert not list(folder.rglob("*.part*"))

    again = geoloom("run", folder / "project.yaml", *SMALL, "--json")
    assert {step["action"] for step in again.json["steps"]} == {"skip"}
    changed = (*SMALL, "--set", "predict.blend=crop", "--dry-run", "--json")
    planned = geoloom("run", folder / "project.yaml", *changed).json["steps"]
    assert [step["verb"] for step in planned if step["action"] == "do"] == [
        "predict",
        "evaluate",
        "report",
    ]
