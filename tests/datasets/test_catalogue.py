"""The benchmark datasets: each read from small files in its documented layout, fetched, checked, drawn."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from click.testing import CliRunner
from documented import LAYOUTS
from documented.layout import archived, as_given_away, written

import geoloom.datasets
from geoloom.cli.app import app
from geoloom.core.errors import DatasetError, ReadError
from geoloom.datasets import BenchmarkDataset, benchmark_class, get_benchmark, list_datasets
from geoloom.datasets.benchmarks.dataset import _made
from geoloom.datasets.benchmarks.files import bring_files
from geoloom.datasets.loader import loader
from geoloom.io.access import web
from geoloom.io.archives.unpack import is_unpacked
from geoloom.testing.server import serving

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
SMALL = "eurosat100"
each = pytest.mark.parametrize("name", list_datasets(kind="samples"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Name -> the dataset's folder, made when it is first asked for."""
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            made[name] = written(LAYOUTS[name], tmp_path_factory.mktemp(name))
        return made[name]

    return folder


def test_every_dataset_has_a_layout_here():
    assert set(LAYOUTS) == set(list_datasets(kind="samples"))


@each
def test_the_documented_layout_is_read(folders, name):
    layout, root = LAYOUTS[name], folders(name)
    made, known = benchmark_class(name), get_benchmark(name).chosen(layout.choices)
    assert known.splits == tuple(split for split in layout.samples if split)
    for split, expected in layout.samples.items():
        dataset = made(root, split or None, **layout.choices)
        assert len(dataset) == len(expected)
        most = 20 if (layout.dates or 1) < 10 else 5
        few = np.unique(np.linspace(0, len(expected) - 1, most).astype(int)) if expected else ()
        for i in few:
            values = expected[i]
            compare(dataset[i], values, layout)
            if "mask" in values and known.outputs.kind != "boxes":
                assert set(np.unique(values["mask"]).tolist()) <= set(known.outputs.classes.codes)
    whole = made(root, split=None, **layout.choices)
    assert len(whole) == sum(map(len, layout.samples.values()))
    assert whole.outputs == known.outputs
    batch = next(iter(loader(whole, batch_size=2 if layout.size else 1)))
    assert len(batch["image"]) == min(2 if layout.size else 1, len(whole))


def compare(sample, values, layout):
    size = values.get("size", layout.size)
    dates = () if layout.dates is None else (layout.dates,)
    assert sample["image"].shape == (*dates, layout.bands, *size)
    assert str(sample["image"].dtype) == f"torch.{layout.dtype}"
    assert sample["valid"].shape == size
    if "valid" not in values:
        assert bool(sample["valid"].all())
    for key, value in values.items():
        if key == "pixel":
            np.testing.assert_allclose(sample["image"][..., 0, 0], value, rtol=1e-12)
        elif key == "boxes":  # whose corners may come from another CRS
            np.testing.assert_allclose(sample[key], value, rtol=0, atol=1e-3)
        elif key != "size":
            np.testing.assert_array_equal(sample[key], value, err_msg=key)


@each
def test_every_dataset_is_drawn(folders, name):
    layout = LAYOUTS[name]
    dataset = benchmark_class(name)(folders(name), split=None, **layout.choices)
    assert len(dataset.plot(dataset[0]).axes) >= 1
    count = min(4 if (layout.dates or 1) < 10 else 1, len(dataset))
    sheet = dataset.sheet(count)
    assert sum(ax.get_visible() for ax in sheet.axes) >= count
    plt.close("all")


@pytest.mark.parametrize(
    "name", [name for name in list_datasets(kind="samples") if LAYOUTS[name].archives]
)
def test_archives_that_are_there_are_unpacked_and_checked(folders, tmp_path, name):
    layout, given = LAYOUTS[name], tmp_path / "given"
    archived(layout, folders(name), given)
    known = as_given_away(get_benchmark(name), given)
    archive = given / next(iter(layout.archives))
    whole = archive.read_bytes()

    archive.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(
        ReadError,
        match=rf"{re.escape(archive.name)} has the checksum md5:\w+, expected md5:\w+; it is",
    ):
        bring_files(known, given, check=True)
    with pytest.raises(ReadError, match=f"{re.escape(archive.name)} cannot be unpacked"):
        bring_files(known, given)
    archive.write_bytes(whole)
    bring_files(known, given, check=True)
    assert is_unpacked(archive.name, given / layout.inside.get(archive.name, ""))
    dataset = _made(known)(given, split=None, **layout.choices)
    assert len(dataset) == sum(map(len, layout.samples.values()))


@each
def test_what_is_missing_is_named(tmp_path, name):
    archives = [re.escape(archive) for archive in LAYOUTS[name].archives][:1]
    made_from = "".join(f" nor the archive to make it from .*{archive}" for archive in archives)
    with pytest.raises(DatasetError, match=f"there is no .*{made_from}"):
        benchmark_class(name)(tmp_path / "empty", split=None)


def test_a_dataset_is_fetched_once(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "_FIRST_WAIT_S", 0.0)
    given = archived(LAYOUTS[SMALL], folders(SMALL), tmp_path / "given")
    with serving(given) as server:
        known = as_given_away(get_benchmark(SMALL), given, server.address())
        made = _made(known)
        root = tmp_path / "new" / "root"
        server.behave(drops={"EuroSAT100.zip": 1})
        dataset = made(root, download=True)
        assert [int(dataset[i]["label"]) for i in range(len(dataset))] == [*range(10)]
        asked = len(server.asked)
        assert len(made(root, "test", download=True, checksum=True)) == 6
        assert len(server.asked) == asked
    (given / "EuroSAT100.zip").write_bytes(b"PK other")
    with serving(given) as server:
        wrong = as_given_away(known, given, server.address())
        wrong = _with_checksums_of(wrong, known)
        with pytest.raises(ReadError, match=r"expected md5:\w+"):
            _made(wrong)(tmp_path / "other", download=True)
    assert not (tmp_path / "other" / "EuroSAT100.zip").exists()


def _with_checksums_of(benchmark, other):
    sums = {file.name: file.checksum for file in other.files}
    files = tuple(replace(file, checksum=sums[file.name]) for file in benchmark.files)
    return replace(benchmark, files=files)


def test_what_is_there_is_not_fetched_again(folders, tmp_path):
    """As where someone has unpacked the archive by hand, and thrown it away."""
    given = archived(LAYOUTS[SMALL], folders(SMALL), tmp_path / "given")
    root = written(LAYOUTS[SMALL], tmp_path / "root")
    (root / "eurosat-100-val.txt").unlink()
    with pytest.raises(DatasetError, match=r"there is no eurosat-100-val\.txt; give download=True"):
        benchmark_class(SMALL)(root)
    with serving(given) as server:
        made = _made(as_given_away(get_benchmark(SMALL), given, server.address()))
        assert len(made(root, "val", download=True)) == 4
        assert server.requests("EuroSAT100.zip") == 0
        assert server.requests("eurosat-100-val.txt") == 1


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(DatasetError, match="is a file, expected the folder of EuroSAT100"):
        benchmark_class(SMALL)(tmp_path / "a", download=True)


def test_without_a_connection_what_is_here_is_enough(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("GEOLOOM_OFFLINE", "1")
    assert len(benchmark_class(SMALL)(folders(SMALL))) == 10
    with pytest.raises(ReadError, match="GEOLOOM_OFFLINE"):
        benchmark_class(SMALL)(tmp_path, download=True)


def test_eurosats_last_channel_is_b8a(folders):
    dataset = geoloom.datasets.EuroSAT(folders("eurosat"), "train", ["B8A", "B04"])
    assert [band.name for band in dataset.bands] == ["B8A", "B04"]
    sample = dataset[0]
    np.testing.assert_array_equal(sample["image"][:, 0, 0], [13_000, 4_000])
    assert [band.unit for band in dataset.bands] == ["toa_reflectance"] * 2
    assert sample["crs"] == "EPSG:32632"


def test_uc_merceds_odd_sizes_come_to_one(folders):
    dataset = geoloom.datasets.UCMerced(folders("ucmerced"), "val")
    assert dataset.sizes == {(256, 256): 21}
    assert bool(dataset[3]["valid"].all()), "resized, not padded"
    np.testing.assert_array_equal(dataset[3]["image"][0], 3)


def test_splits_that_there_are_not(folders):
    with pytest.raises(DatasetError, match=r"EuroSAT has no split 'validation'"):
        geoloom.datasets.EuroSAT(folders("eurosat"), "validation")
    with pytest.raises(
        DatasetError, match=r"PatternNet has no split 'test', as it comes undivided"
    ):
        geoloom.datasets.PatternNet(folders("patternnet"), "test")
    assert len(geoloom.datasets.PatternNet(folders("patternnet"))) == 38 * 3


def test_a_dataset_travels_to_other_processes(folders):
    dataset = geoloom.datasets.EuroSAT100(folders(SMALL), "test")
    copy = pickle.loads(pickle.dumps(dataset))
    assert type(copy) is geoloom.datasets.EuroSAT100
    np.testing.assert_array_equal(copy[2]["image"], dataset[2]["image"])


class Mine(geoloom.datasets.EuroSAT100):
    """As users derive from it."""


def test_a_class_of_ones_own_is_derived(folders):
    copy = pickle.loads(pickle.dumps(Mine(folders(SMALL))))
    assert type(copy) is Mine
    assert issubclass(Mine, BenchmarkDataset)


def test_names_that_are_none():
    with pytest.raises(AttributeError, match="has no attribute 'eurosat'"):
        _ = geoloom.datasets.eurosat
    with pytest.raises(DatasetError, match="did you mean 'eurosat'"):
        get_benchmark("eurosta")


def test_addresses_and_checksums_are_those_of_the_reference(shared_data):
    reference = shared_data.parent / "reference"
    facts = json.loads((reference / "dataset_facts.json").read_text("utf-8"))
    for name in list_datasets(kind="samples"):
        known = get_benchmark(name)
        told = json.dumps(facts[known.name]) + (reference / "datasets.md").read_text("utf-8")
        chosen = [
            known.chosen({choice.name: value})
            for choice in known.choices
            for value in choice.values
        ]
        for file in {file for one in (known, *chosen) for file in one.files}:
            derived = known.name.startswith(
                "EuroSAT"
            )  # some facts are those of the dataset it is made of
            assert (file.checksum or "").removeprefix("md5:") in told or derived
            assert file.name.removeprefix("test_set_") in told or derived
            if file.address is None:
                assert known.by_hand
            else:
                address = file.address.removesuffix(file.name)
                assert address in json.dumps(facts) or address == bucket(facts[known.name])


def bucket(facts):
    """The web address of a folder of SpaceNet's; the reference has that for a client of S3."""
    name = facts.get("dataset_id")
    return f"https://spacenet-dataset.s3.amazonaws.com/spacenet/{name}/tarballs/"


def run(*words: object) -> str:
    result = CliRunner().invoke(app, ["datasets", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result.output


def test_datasets_on_the_command_line(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    listed = json.loads(run("list", "--json"))["datasets"]
    assert [one["command"] for one in listed] == list(list_datasets())
    assert "27,000 of 64 x 64 pixels" in run("info", "EuroSAT")
    run("plot", SMALL, folders(SMALL), 5)
    assert (tmp_path / f"{SMALL}.png").stat().st_size > 5_000
    assert "3 of 4 samples" in run("plot", SMALL, folders(SMALL), 3, "val.svg", "--split", "val")
    assert run("download", SMALL, folders(SMALL)).strip().endswith("EuroSAT100")


def test_a_split_that_there_is_not_is_said_before_anything_is_fetched(tmp_path):
    result = CliRunner().invoke(
        app, ["datasets", "download", SMALL, str(tmp_path / "x"), "--split", "validate"]
    )
    assert result.exit_code != 0
    assert "EuroSAT100 has no split 'validate'" in result.output
    assert not (tmp_path / "x").exists()


def test_a_dataset_without_labels_on_the_command_line(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "seasonalcontrasts2"
    shown = run("info", name)
    assert "labels   none: to learn from pixels alone" in shown
    assert "20,000 of 264 x 264 pixels" in shown
    assert "200,000 of" in run("info", name, "--choose", "version=1m")
    told = json.loads(run("info", name, "--json"))
    assert (told["outputs"], told["choices"]) == (None, {"version": ["100k", "1m"]})
    assert "2 of 2 samples" in run("plot", name, folders(name), 2)
    assert (tmp_path / f"{name}.png").stat().st_size > 2_000


def test_a_size_that_is_none_is_refused(folders):
    with pytest.raises(DatasetError, match="size"):
        geoloom.datasets.EuroSAT100(folders(SMALL), size=0)
