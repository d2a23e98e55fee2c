"""Scripts of TorchGeo's users, as they are after porting, and what unported lines say."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from affine import Affine
from documented import LAYOUTS
from documented.layout import written
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from torch.utils.data import DataLoader

import geoloom as gl
from geoloom.core.errors import BandError, DatasetError, QueryError, SamplerError
from geoloom.core.hints.keys import KeyedDict
from geoloom.datasets import CDL, Landsat8, RasterDataset, VectorDataset, collate, unbind_samples
from geoloom.samplers import RandomGeoSampler
from geoloom.transforms import EncodeClasses, fit_normalization

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "coming" / "torchgeo.md"
RGB = ["B04", "B03", "B02"]
LANDSAT = GeoBox((60, 80), Affine(30, 0, 500_000, 0, -30, 4_500_000), "EPSG:32615")
SCENE = "LC08_L2SP_027032_20180720_20200831_02_T1"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Name -> a folder with the dataset's documented files."""
    return {
        name: written(LAYOUTS[name], tmp_path_factory.mktemp(name))
        for name in ("eurosat", "levircdplus", "sen12ms", "spacenet1", "vhr10", "patternnet")
    }


@pytest.fixture
def crops(raster, tmp_path):
    """A scene of Landsat 8 in UTM, and the crops of its year below it in Albers' projection."""
    for k in range(1, 8):
        raster(f"{SCENE}/{SCENE}_SR_B{k}.TIF", 1_000 * k, LANDSAT, dtype="uint16", nodata=0)
    x, y = Transformer.from_crs("EPSG:32615", "EPSG:5070", always_xy=True).transform(
        501_200, 4_499_100
    )
    ground = GeoBox((120, 120), Affine(30, 0, x - 1800, 0, -30, y + 1800), "EPSG:5070")
    corn = np.add.outer(np.arange(120) // 10, np.arange(120) // 10) % 2 == 0
    raster("2018_30m_cdls.tif", np.where(corn, 1, 5).astype(np.uint8), ground)
    return tmp_path


def test_eurosat_is_classified_by_a_lightning_trainer(files):
    from lightning.pytorch import Trainer

    from geoloom.datasets import EuroSAT
    from geoloom.tasks import ClassificationTask

    def split(name):
        return EuroSAT(files["eurosat"], split=name, bands=RGB, download=False, checksum=False)

    train = split("train")
    task = ClassificationTask(
        "timm/resnet18",
        train.classes,
        in_channels=3,
        normalization=fit_normalization("mean_std", train.statistics()),
    )
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(
        task,
        DataLoader(train, batch_size=4, shuffle=True),
        DataLoader(split("val"), batch_size=4),
    )
    (scores,) = trainer.test(task, DataLoader(split("test"), batch_size=4), verbose=False)
    assert 0 <= scores["test_accuracy"] <= 1
    assert {name for name in scores if name.startswith("test_f1/")} == {
        f"test_f1/{name}" for name in train.classes.names
    }


def test_landsat_and_crops_are_drawn_together(crops):
    landsat = Landsat8(crops, bands=Landsat8.all_bands[1:-1])
    dataset = landsat & CDL(crops, years=[2018], classes=["Corn", "Soybeans"])
    sampler = RandomGeoSampler(dataset, size=16, length=8, generator=0)
    batches = list(DataLoader(dataset, batch_size=4, sampler=sampler))
    assert [band.name for band in dataset.bands] == [f"SR_B{k}" for k in range(2, 7)]
    assert len(batches) == 2
    for batch in batches:
        np.testing.assert_array_equal(
            batch["image"][:, :, 3, 7], [[2000, 3000, 4000, 5000, 6000]] * 4
        )
        assert set(batch["mask"][batch["valid"]].tolist()) == {1, 2}
        with pytest.raises(KeyError, match="no 'bbox': the ground is `bounds`"):
            batch["bbox"]


def test_pairs_of_levir_are_learned_in_a_plain_loop(files):
    from geoloom.datasets import LEVIRCDPlus

    torch.manual_seed(0)
    dataset = LEVIRCDPlus(root=files["levircdplus"], split="train")
    dataset = dataset.with_transforms(EncodeClasses(dataset.classes))
    network = torch.nn.Conv2d(6, len(dataset.classes), 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    losses = []
    for batch in [b for _ in range(3) for b in DataLoader(dataset, batch_size=2)]:
        before, after = batch["image"].float().unbind(1)
        assert before[:, 0, 0, 0].tolist() == [1, 2]
        assert after[:, 0, 0, 0].tolist() == [51, 52]
        logits = network(torch.cat([before, after], dim=1) / 255)
        loss = torch.nn.functional.cross_entropy(logits, batch["mask"])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        with pytest.raises(KeyError, match=r"no 'image2': a pair is one image \(2, C, H, W\)"):
            batch["image2"]
    assert losses[-1] < losses[0]


def test_unlabelled_pixels_are_left_out_of_torchs_own_loss(files):
    """As `EncodeClasses` has it; the mask alone holds a class there, too."""
    from geoloom.datasets import SEN12MS

    dataset = SEN12MS(files["sen12ms"], bands=["VV"])
    encoded = dataset.with_transforms(
        lambda sample: EncodeClasses(dataset.classes)(
            {**sample, "valid": torch.zeros_like(sample["valid"])}
        )
    )
    assert set(encoded[0]["mask"].unique().tolist()) == {-100}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("train", "got str 'train'; those of a split are dataset.split"),
        (slice(0, 2), r"got slice slice\(0, 2, None\); several are .*dataset.subset"),
        ([0, 1], r"got list \[0, 1\]; several are .*dataset.subset"),
        ((slice(0, 1), slice(2, 3)), r"got tuple .*; several are .*dataset.subset"),
        (1.0, "got float 1.0; give a whole number"),
        (True, "got bool True; give a whole number"),
        (None, "got NoneType None; give a whole number"),
        (LANDSAT, r"got GeoBox; where they have a place, dataset.as_geo\(\)\[grid\]"),
        (gl.Query(LANDSAT), r"got Query; where they have a place, dataset.as_geo\(\)\[grid\]"),
    ],
    ids=["text", "slice", "list", "slices", "float", "bool", "none", "grid", "query"],
)
def test_numbered_samples_are_asked_by_whole_numbers(files, asked, message):
    dataset = gl.datasets.EuroSAT(files["eurosat"])
    with pytest.raises(QueryError, match=message):
        dataset[asked]


def test_whole_numbers_of_any_kind_are_taken(files):
    dataset = gl.datasets.EuroSAT(files["eurosat"])
    labels = {int(dataset[i]["label"]) for i in (3, np.int64(3), np.uint8(3), torch.tensor(3))}
    assert labels == {int(dataset[3 - len(dataset)]["label"])}
    with pytest.raises(IndexError, match="there are samples 0 to"):
        dataset[len(dataset)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "validation"}, "no split 'validation'; did you mean 'val'"),
        ({"split": ["train"]}, r"no split \['train'\], expected train, val, test, or None"),
        ({"crs": "EPSG:4326"}, r"no option 'crs': samples keep .*dataset.as_geo\(\)"),
        ({"cache": True}, "no option 'cache': leave it out"),
        ({"num_classes": 10}, r"no option 'num_classes': .*`dataset.classes`"),
        ({"is_image": False}, r"no option 'is_image': .*`dataset.outputs`"),
        ({"transform": abs}, "no option 'transform': give transforms="),
        ({"splt": "val"}, "no option 'splt'; did you mean 'split'"),
        ({"batch_size": 4}, "no option 'batch_size': give it to the DataLoader"),
        ({"download": "yes"}, "download is 'yes'; give True or False"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_options_of_torchgeo_say_what_they_are_here(files, options, message):
    with pytest.raises(DatasetError, match=message):
        gl.datasets.EuroSAT(files["eurosat"], **options)


def test_choices_are_no_splits_and_outlines_no_masks(files):
    with pytest.raises(DatasetError, match="no split 'positive', but gives it by choice: images="):
        gl.datasets.VHR10(files["vhr10"], split="positive")
    with pytest.raises(DatasetError, match="no option 'mask': of outlines give labels=\"mask\""):
        gl.datasets.SpaceNet1(files["spacenet1"], mask=True)
    assert len(gl.datasets.SpaceNet1(files["spacenet1"], image="8band").bands) == 8


def test_splits_of_other_names_are_those_meant(files):
    dataset = gl.datasets.EuroSAT(files["eurosat"], split=None)
    with pytest.raises(DatasetError, match="no sample is in split 'valid'; did you mean 'val'"):
        dataset.split("valid")


@pytest.mark.parametrize(
    ("name", "key", "message"),
    [
        ("LEVIRCDPlus", "image1", "a pair is one image"),
        ("VHR10", "bbox_xyxy", r"`boxes` \(N, 4\).*there are image, valid, boxes"),
        ("VHR10", "masks", "`box_masks`"),
        ("VHR10", "labels", "`box_labels`"),
        ("VHR10", "label", "`box_labels`"),
        ("EuroSAT", "filename", "dataset.table"),
        ("EuroSAT", "nothing", "'nothing'; there are image, valid, label, crs"),
    ],
)
def test_keys_of_torchgeo_say_what_they_are_here(files, name, key, message):
    dataset = getattr(gl.datasets, name)(files[name.lower()], split=None)
    sample = dataset[0]
    for one in (sample, collate([sample]), unbind_samples(collate([sample]))[0]):
        with pytest.raises(KeyError, match=message):
            one[key]
        assert one.get(key) is None
        assert key not in one


def test_samples_with_hints_are_dicts_in_every_other_way():
    sample = KeyedDict(image=1, mask=2)
    assert sample == {"image": 1, "mask": 2}
    for other in (pickle.loads(pickle.dumps(sample)), copy.copy(sample), copy.deepcopy(sample)):
        assert type(other) is KeyedDict
        assert other == sample


def test_hints_outlive_transforms_and_worker_processes(files):
    dataset = gl.datasets.EuroSAT(files["eurosat"], transforms=lambda sample: {**sample})
    for workers in (0, 1):
        (batch, *_) = DataLoader(dataset, batch_size=2, num_workers=workers)
        with pytest.raises(KeyError, match="there are image, valid, label"):
            batch["mask"]


def test_attributes_of_torchgeo_say_what_they_are_here(files, crops):
    dataset = gl.datasets.EuroSAT(files["eurosat"])
    for name, message in (
        ("all_bands", "band.name for band in dataset.bands"),
        ("class_to_idx", "enumerate"),
        ("root", "dataset.path"),
    ):
        with pytest.raises(AttributeError, match=f"'{name}'.*{message}"):
            getattr(dataset, name)
        assert not hasattr(dataset, name)
    with pytest.raises(AttributeError, match=r"^'EuroSAT' object has no attribute 'nothing'$"):
        dataset.nothing  # noqa: B018
    with pytest.raises(TypeError, match=r"write classes.names\[2\]"):
        dataset.classes[2]
    with pytest.raises(AttributeError, match=r"'index': it is dataset.regions"):
        CDL(crops).index  # noqa: B018
    with pytest.raises(AttributeError, match=r"'datasets': it is dataset.parts"):
        (Landsat8(crops) & CDL(crops)).datasets  # noqa: B018


def test_the_error_of_a_property_is_its_own():
    class Broken(gl.datasets.SampleDataset):
        def __init__(self):
            pass

        @property
        def size(self):
            return np.nothing

    with pytest.raises(AttributeError, match="'numpy' has no attribute 'nothing'"):
        Broken().size  # noqa: B018


def test_numbered_samples_meet_places_as_geo(files, crops):
    dataset, cdl = gl.datasets.EuroSAT(files["eurosat"]), CDL(crops)
    for meet in (lambda: dataset & cdl, lambda: cdl & dataset):
        with pytest.raises(TypeError, match=r"do not intersect: .*dataset.as_geo\(\) & other"):
            meet()
    for join in (lambda: dataset | cdl, lambda: cdl | dataset):
        with pytest.raises(TypeError, match=r"have no union: .*dataset.as_geo\(\) \| other"):
            join()


def test_numbered_samples_need_no_sampler(files):
    with pytest.raises(SamplerError, match=r"shuffle=True alone; .*dataset.as_geo\(\)"):
        RandomGeoSampler(gl.datasets.EuroSAT(files["eurosat"]), size=32)


def test_the_page_for_those_who_come_from_torchgeo_runs(files, tmp_path, monkeypatch):
    monkeypatch.setenv("GEOLOOM_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    for place, name in (("eurosat", "eurosat"), ("levir", "levircdplus")):
        (tmp_path / place).symlink_to(files[name])
    first, second = re.findall(
        r"<!-- datasets -->\n```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    )
    names: dict = {}
    exec(first, names)
    assert names["images"].shape == (10, 3, 64, 64)
    assert sorted(names["labels"].tolist()) == [*range(10)]
    exec(second, names)
    assert float(names["loss"].detach()) > 0


def test_keywords_of_plots_say_what_they_are_here(files, crops):
    dataset = gl.datasets.EuroSAT(files["eurosat"])
    with pytest.raises(TypeError, match=r"^EuroSAT.plot\(\) got .*'suptitle': it is title="):
        dataset.plot(dataset[0], suptitle="a")
    with pytest.raises(TypeError, match=r"^CDL.plot\(\) got .*'show_titles': leave it out"):
        CDL(crops).plot({}, show_titles=False)


def test_keywords_of_layers_say_what_they_are_here(crops):
    with pytest.raises(TypeError, match=r"^CDL\(\) got .*'cache'"):
        CDL(crops, cache=True)
    with pytest.raises(TypeError, match=r"^RasterDataset\(\) got .*'time_series': dataset.series"):
        RasterDataset(crops, time_series=True)
    with pytest.raises(TypeError, match=r"^VectorDataset\(\) got .*'download': give a folder"):
        VectorDataset(crops, download=True)


def test_bands_are_given_as_they_are_declared(files, crops):
    known = gl.datasets.EuroSAT(files["eurosat"]).bands
    chosen = gl.datasets.EuroSAT(files["eurosat"], bands=[known[3], "B02"])
    assert [band.name for band in chosen.bands] == ["B04", "B02"]
    first = Landsat8(crops, bands=Landsat8.all_bands[:2])
    assert [band.name for band in first.bands] == ["SR_B1", "SR_B2"]
    with pytest.raises(BandError, match="names SR_B1 more than once"):
        Landsat8(crops, bands=[Landsat8.all_bands[0], "SR_B1"])
