"""Dask workers write the pixels of one process, also when one of them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from slow import CLASSES, RUN, SlowPredictor

from geoloom.core.errors import GeoloomError, MissingExtraError
from geoloom.inference.predict import predict
from geoloom.models.registry import create_model
from geoloom.models.saved import save_model
from geoloom.testing.models import plain_card
from geoloom.testing.predictors import CodePredictor

pytest.importorskip("distributed", reason="dask is not installed: pip install 'geoloom[cluster]'")


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as running:
        yield running


@pytest.fixture
def scene(tmp_path, write_scene):
    values = np.random.default_rng(0).random((3, 90, 60)).astype("float32")
    values[:, 20:40, 10:20] = -1
    return write_scene(tmp_path / "scene.tif", values, nodata=-1)


def same_bytes(folder, scene, **dask):
    model = SlowPredictor(str(folder), 0)
    predict(model, scene, folder / "one.tif", probabilities=folder / "one_p.tif", **RUN)
    slow = SlowPredictor(str(folder), 0.05)
    predict(
        slow, scene, folder / "many.tif", probabilities=folder / "many_p.tif",
        engine="dask", **dask, **RUN,
    )  # fmt: skip
    assert (folder / "one.tif").read_bytes() == (folder / "many.tif").read_bytes()
    assert (folder / "one_p.tif").read_bytes() == (folder / "many_p.tif").read_bytes()


def test_a_schedulers_workers_write_what_one_process_writes(tmp_path, scene, cluster):
    same_bytes(tmp_path, scene, scheduler=cluster.scheduler_address)
    ran_in = {int(path.stem) for path in tmp_path.glob("*.pid")} - {os.getpid()}
    assert len(ran_in) == 2


def test_a_map_that_is_smoothed_is_the_same_on_a_cluster(tmp_path, scene, cluster):
    model, smooth = SlowPredictor(str(tmp_path), 0), {"smooth": "bayes", "smooth_window": 5, **RUN}
    predict(model, scene, tmp_path / "one.tif", **smooth)
    address = cluster.scheduler_address
    predict(model, scene, tmp_path / "many.tif", engine="dask", scheduler=address, **smooth)
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "many.tif").read_bytes()


def test_own_workers_finish_when_one_is_killed(tmp_path, scene):
    killed = []

    def kill_first():
        for _ in range(600):
            others = [int(p.stem) for p in tmp_path.glob("*.pid") if int(p.stem) != os.getpid()]
            if others:
                os.kill(others[0], signal.SIGKILL)
                killed.append(others[0])
                return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_first)
    killer.start()
    same_bytes(tmp_path, scene, workers=2)
    killer.join()
    assert killed


def test_identity_through_a_cluster(tmp_path, write_scene, blocky, cluster):
    codes = blocky((70, 90), CLASSES.codes)
    path = write_scene(tmp_path / "scene.tif", codes[None])
    out = predict(
        CodePredictor(CLASSES), path, tmp_path / "map.tif", tile=20, halo=7,
        engine="dask", scheduler=cluster.scheduler_address,
    )  # fmt: skip
    with rasterio.open(out) as made:
        np.testing.assert_array_equal(made.read(1), codes)


def test_a_dataset_and_an_area_travel_to_the_workers(tmp_path, write_scene, blocky, cluster):
    from geoloom.datasets import RasterDataset

    for name, seed in (("a_20190101", 1), ("b_20200101", 2)):
        values = blocky((70, 90), CLASSES.codes, seed)
        values[20:40, 10:60] = 77
        write_scene(tmp_path / f"{name}.tif", values[None], nodata=77)
    parts = [
        RasterDataset(tmp_path, filename_glob=f"{name}_*.tif", filename_regex=r"._(?P<date>\d{8})")
        for name in "ab"
    ]
    run = {"roi": ((500_310, 8_998_000, 502_000, 8_999_500), "EPSG:32722"), "tile": 20, "halo": 7}
    predict(CodePredictor(CLASSES), parts[0] | parts[1], tmp_path / "one.tif", **run)
    predict(
        CodePredictor(CLASSES), parts[0] | parts[1], tmp_path / "many.tif",
        engine="dask", scheduler=cluster.scheduler_address, **run,
    )  # fmt: skip
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "many.tif").read_bytes()


def test_an_error_on_a_worker_reaches_the_caller(tmp_path, scene, cluster):
    with pytest.raises(GeoloomError, match="expected"):
        predict(
            SlowPredictor(str(tmp_path), 0, classes=type(CLASSES).of(["only"])),
            scene, tmp_path / "m.tif", engine="dask", scheduler=cluster.scheduler_address,
        )  # fmt: skip
    assert not (tmp_path / "m.tif").exists()


def test_own_workers_get_torchs_threads_and_keep_their_memory(monkeypatch):
    from geoloom.cluster.dask import DaskEngine

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")  # as an earlier cluster leaves it
    (found,) = DaskEngine(workers=1).map_ordered(Environment(), [0], cache_mb=64)
    assert os.environ["MALLOC_TRIM_THRESHOLD_"] == "65536"
    assert "OMP_NUM_THREADS" not in os.environ
    assert found.get("OMP_NUM_THREADS") == str(os.cpu_count())
    assert "MALLOC_TRIM_THRESHOLD_" not in found


class Environment:
    """Work that reports which environment it is done in."""

    def load(self, item):
        return item

    def run(self, loaded):
        return dict(os.environ)


def test_a_missing_library_names_its_extra(tmp_path, scene, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"geoloom\[cluster\]"):
        predict(CodePredictor(CLASSES), scene, tmp_path / "m.tif", engine="dask")


@pytest.fixture(scope="module")
def folder_of_a_model(tmp_path_factory):
    from geoloom.models.registry import create_model
    from geoloom.models.saved import save_model
    from geoloom.testing.models import plain_card

    torch.manual_seed(0)
    options = {"width": 0.125}
    card = plain_card("unet", options, ("red", "nir", "swir1"), CLASSES)
    return save_model(tmp_path_factory.mktemp("model"), create_model("unet", 3, 3, **options), card)


def test_a_saved_model_gives_one_map_wherever_it_is_loaded(
    tmp_path, write_scene, folder_of_a_model, cluster
):
    from geoloom.models.saved import load_model

    values = np.random.default_rng(0).normal(0, 1, (3, 150, 170)).astype("float32")
    scene = write_scene(tmp_path / "scene.tif", values, names=("nir", "red", "swir1"))
    run = {"tile": 64, "halo": 16}
    made = [
        predict(folder_of_a_model, scene, tmp_path / "folder.tif", **run),
        predict(load_model(folder_of_a_model), scene, tmp_path / "loaded.tif", **run),
        predict(
            folder_of_a_model, scene, tmp_path / "dask.tif", engine="dask",
            scheduler=cluster.scheduler_address, **run,
        ),
    ]  # fmt: skip
    assert len({path.read_bytes() for path in made}) == 1
    # The band order is the model's, not the file's.
    with torch.inference_mode():
        whole = load_model(folder_of_a_model)(
            torch.from_numpy(values[None, [1, 0, 2]]), torch.ones(1, 150, 170, dtype=torch.bool)
        )
    with rasterio.open(made[0]) as src:
        agree = src.read(1) == np.array(CLASSES.codes)[whole[0].argmax(dim=0)]
    assert agree.mean() > 0.9, "the rest lies where tiles see less than the whole scene"


def test_a_model_that_changes_under_a_run_is_refused(tmp_path, folder_of_a_model):
    from dataclasses import replace

    from geoloom.core.errors import ModelError
    from geoloom.inference.predictor import ModelSource

    source = replace(ModelSource.of(folder_of_a_model), fingerprint="other")
    with pytest.raises(ModelError, match="not the model that the run began with"):
        source.load("cpu")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no groups of processes")
@pytest.mark.parametrize("seconds", [0.3, 1.5])
def test_an_interrupt_while_workers_start_ends_without_a_traceback(tmp_path, scene, seconds):
    program = str(Path(__file__).with_name("interrupted.py"))
    with subprocess.Popen(
        [sys.executable, program, str(scene), str(tmp_path / "map.tif")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as started:  # fmt: skip
        assert started.stdout.readline() == "starting\n"
        time.sleep(seconds)
        os.killpg(started.pid, signal.SIGINT)  # as a terminal does
        _, said = started.communicate(timeout=90)
    assert started.returncode == 130, said
    assert "Traceback" not in said
    assert not (tmp_path / "map.tif").exists()


def test_a_network_gives_equal_bytes_where_each_process_has_as_many_threads(
    tmp_path, scene, monkeypatch
):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        torch.manual_seed(0)
        card = plain_card("unet", {"width": 0.05}, ("1", "2", "3"), CLASSES)
        network = create_model("unet", 3, len(CLASSES), width=0.05)
        folder = save_model(tmp_path / "model", network, card)
        for engine in ("local", "dask"):
            path = tmp_path / f"{engine}.tif"
            predict(folder, scene, path, probabilities=tmp_path / f"{engine}_p.tif", engine=engine)
    finally:
        torch.set_num_threads(before)
    for end in (".tif", "_p.tif"):
        one, other = tmp_path / f"local{end}", tmp_path / f"dask{end}"
        assert one.read_bytes() == other.read_bytes()
