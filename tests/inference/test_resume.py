"""A run that was killed and taken up again gives the bytes of one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import geopandas
import numpy as np
import pytest
from slow import RUN, SlowPredictor

from geoloom.core.errors import WriteError
from geoloom.inference import products
from geoloom.inference.predict import predict

SLOW = Path(__file__).with_name("slow.py")


@pytest.fixture
def scene(tmp_path, write_scene):
    values = np.random.default_rng(0).random((3, 90, 60)).astype("float32")
    values[:, 20:40, 10:20] = -1
    return write_scene(tmp_path / "scene.tif", values, nodata=-1)


def kill_after(tiles, folder, blend, scene="scene.tif"):
    """Run the slow program and SIGKILL it once it says that `tiles` tiles are done."""
    with subprocess.Popen(
        [sys.executable, str(SLOW), str(folder), "0.02", blend, scene],
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        for line in program.stdout:
            if int(line.split()[0]) >= tiles:
                program.kill()
                break
        assert program.wait() != 0


@pytest.mark.parametrize("blend", ["cosine", "crop"])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, scene, blend):
    kill_after(13, tmp_path, blend)
    assert not (tmp_path / "map.tif").exists()
    marked = json.loads((tmp_path / ".map.tif.part.json").read_text())["rows_done"]
    assert 16 <= marked < 90
    seen = []
    predict(
        SlowPredictor(str(tmp_path), 0), scene, tmp_path / "map.tif", blend=blend,
        probabilities=tmp_path / "p.tif", progress=lambda *now: seen.append(now), **RUN,
    )  # fmt: skip
    assert seen[0][0] > 2, "finished rows must not be made again"
    assert seen[-1] == (24, 24)
    whole = tmp_path / "whole"
    whole.mkdir()
    predict(
        SlowPredictor(str(tmp_path), 0), scene, whole / "map.tif", blend=blend,
        probabilities=whole / "p.tif", **RUN,
    )  # fmt: skip
    for name in ("map.tif", "p.tif"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()
    assert not [name for name in os.listdir(tmp_path) if ".part" in name]


def test_a_killed_run_over_a_folder_goes_on_until_a_scene_comes(tmp_path, scene, write_scene):
    """Two scenes of a folder, of which one fills what the other did not observe."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    first = scene.rename(folder / "a.tif")
    write_scene(folder / "b.tif", np.random.default_rng(1).random((3, 90, 60)).astype("float32"))
    kill_after(13, tmp_path, "cosine", "scenes")
    seen = []
    predict(
        SlowPredictor(str(tmp_path), 0), folder, tmp_path / "map.tif",
        probabilities=tmp_path / "p.tif", progress=lambda *now: seen.append(now), **RUN,
    )  # fmt: skip
    assert seen[0][0] > 2, "finished rows must not be made again"
    whole = tmp_path / "whole"
    whole.mkdir()
    paths = {"probabilities": whole / "p.tif", **RUN}
    predict(SlowPredictor(str(tmp_path), 0), folder, whole / "map.tif", **paths)
    for name in ("map.tif", "p.tif"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()
    (tmp_path / "map.tif").unlink()
    (tmp_path / "p.tif").unlink()
    kill_after(13, tmp_path, "cosine", "scenes")
    write_scene(folder / "0.tif", np.ones((3, 90, 60), "float32"))
    seen.clear()
    predict(
        SlowPredictor(str(tmp_path), 0), folder, tmp_path / "map.tif",
        probabilities=tmp_path / "p.tif", progress=lambda *now: seen.append(now), **RUN,
    )  # fmt: skip
    assert seen[0][0] == 2, "another scene may lie on top"
    assert first.exists()


def fail_half_way(scene, out, monkeypatch, model=None, **run):
    monkeypatch.setattr(products, "MARK_EVERY_S", 0.0)

    def stop(done, total):
        if done * 2 > total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(
            model or SlowPredictor(str(out.parent), 0), scene, out, progress=stop, **{**RUN, **run}
        )


def test_an_interrupted_run_goes_on_only_with_the_same_settings(
    tmp_path, scene, monkeypatch, caplog
):
    out = tmp_path / "map.tif"
    fail_half_way(scene, out, monkeypatch)
    seen = []
    predict(
        SlowPredictor(str(tmp_path), 0), scene, out, progress=lambda *now: seen.append(now),
        **{**RUN, "halo": 5},
    )  # fmt: skip
    assert seen[0][0] == 2
    assert "starting over" in caplog.text


def test_without_resume_or_fingerprint_nothing_is_kept(tmp_path, scene, monkeypatch):
    out = tmp_path / "map.tif"
    fail_half_way(scene, out, monkeypatch, resume=False)
    nameless = SlowPredictor(str(tmp_path), 0, fingerprint="")
    fail_half_way(scene, out, monkeypatch, model=nameless)
    assert [name for name in os.listdir(tmp_path) if "map" in name] == []


def test_a_changed_scene_starts_over(tmp_path, scene, write_scene, monkeypatch):
    out = tmp_path / "map.tif"
    fail_half_way(scene, out, monkeypatch)
    write_scene(scene, np.ones((3, 90, 60), "float32"))
    os.utime(scene, ns=(1, 1))
    seen = []
    predict(
        SlowPredictor(str(tmp_path), 0), scene, out, progress=lambda *now: seen.append(now), **RUN
    )
    assert seen[0][0] == 2


KILLED = Path(__file__).with_name("killed.py")


@pytest.mark.parametrize("between", ["rasters", "map and polygons"])
def test_a_run_killed_between_two_products_goes_on_by_the_same_command(tmp_path, scene, between):
    done = subprocess.run([sys.executable, str(KILLED), str(tmp_path), between], check=False)
    assert done.returncode == -signal.SIGKILL
    appeared = {name for name in ("map.tif", "p.tif", "map.gpkg") if (tmp_path / name).exists()}
    assert appeared, "no product had its name yet"
    assert appeared < {"map.tif", "p.tif", "map.gpkg"}
    seen = []
    model = SlowPredictor(str(tmp_path), 0)
    arguments = {"probabilities": tmp_path / "p.tif", "vector": tmp_path / "map.gpkg", **RUN}
    with pytest.raises(WriteError, match="exists"):
        predict(model, scene, tmp_path / "map.tif", **{**arguments, "halo": 5})
    predict(model, scene, tmp_path / "map.tif", progress=lambda *now: seen.append(now), **arguments)
    if between == "map and polygons":
        assert seen == [], "finished rasters are not made again"
    whole = tmp_path / "whole"
    whole.mkdir()
    predict(
        model, scene, whole / "map.tif",
        **{**arguments, "probabilities": whole / "p.tif", "vector": whole / "map.gpkg"},
    )  # fmt: skip
    for name in ("map.tif", "p.tif"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()
    polygons = [
        geopandas.read_file(folder / "map.gpkg", layer="map") for folder in (tmp_path, whole)
    ]
    assert polygons[0].equals(polygons[1])
    left = set(os.listdir(tmp_path)) - {"scene.tif", "whole"}
    assert {name for name in left if not name.endswith(".pid")} == set(os.listdir(whole)) - {
        name for name in os.listdir(whole) if name.endswith(".pid")
    }


def test_two_runs_of_one_map_never_share_their_scratch(tmp_path, scene):
    with subprocess.Popen(
        [sys.executable, str(SLOW), str(tmp_path), "0.05", "crop"],
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout.readline()
        other = SlowPredictor(str(tmp_path), 0, fingerprint="other")
        for out, also in ((tmp_path / "map.tif", None), (tmp_path / "m.tif", tmp_path / "p.tif")):
            with pytest.raises(WriteError, match=f"written by process {first.pid}"):
                predict(other, scene, out, probabilities=also, overwrite=True, **RUN)
        first.communicate(timeout=120)
        assert first.returncode == 0


def test_a_folder_that_is_a_model_or_a_store_takes_no_map(tmp_path, scene):
    for name, what in (("model.json", "a model folder"), ("zarr.json", "a chip store")):
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        (folder / name).write_text("{}")
        with pytest.raises(WriteError, match=f"is {what}; write map.tif elsewhere"):
            predict(SlowPredictor(str(tmp_path), 0), scene, folder / "map.tif", **RUN)
        assert os.listdir(folder) == [name]
