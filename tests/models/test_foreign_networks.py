"""Networks of others in ONNX files: what is known of them, what they answer, and what is refused.

Each network mixes bands by given weights, so that its answers are known from numpy alone.
"""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch

from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, ModelError
from geoloom.models.foreign import runtime
from geoloom.models.foreign.described import describe_network
from geoloom.models.foreign.facts import NetworkFacts
from geoloom.models.foreign.graph import read_graph
from geoloom.models.foreign.predictor import open_onnx
from geoloom.models.onnx_metadata import OnnxMetadata
from geoloom.testing.models import plain_card
from onnx_files import onnx, write_network

WEIGHTS = np.array([[2.0, -1.0], [0.5, 1.0], [-1.0, 3.0]])
ALL = {"bands": "red,nir", "scale": 0.01, "mean": "1,2", "std": "2,4", "classes": "a,b,c"}
DEEPNESS = {
    "model_type": '"Segmentor"', "class_names": '{"0": "land", "1": "water", "2": "ice"}',
    "resolution": "250.0", "tile_size": "64", "tiles_overlap": "10",
    "standardization_mean": "[0.5, 0.25]", "standardization_std": "[0.1, 0.2]", "seg_thresh": "0.5",
}  # fmt: skip


@pytest.fixture
def image():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(3, 2, 5, 7)).astype("float32"))


@pytest.fixture
def seen():
    valid = torch.ones(3, 5, 7, dtype=torch.bool)
    valid[:, 2, 3] = False
    return valid


def mixed(image, valid, weights=WEIGHTS, mean=(1, 2), std=(2, 4)):
    """Raw answers (B, K, H, W) by numpy: normalised, 0 where not observed, mixed."""
    x = image.numpy().astype("float64")
    x = (x - np.reshape(mean, (2, 1, 1))) / np.reshape(std, (2, 1, 1))
    x = np.where(valid.numpy()[:, None], x, 0)
    return np.einsum("kc,bchw->bkhw", weights, x)


def softmax(raw):
    power = np.exp(raw - raw.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


def close(answers, expected):
    assert answers.dtype == torch.float32
    assert tuple(answers.shape) == expected.shape
    assert np.abs(answers.numpy() - expected).max() < 1e-5


def test_nothing_is_guessed(tmp_path):
    path = write_network(tmp_path / "net.onnx", WEIGHTS)
    with pytest.raises(ModelError) as refused:
        open_onnx(path)
    message = str(refused.value)
    for part in (
        "image: float32 [n, 2, rows, cols]", "bands (--bands): the 2 that it reads", "scale (--scale)",
        "model_unit (--model-unit)", "mean (--mean)", "std (--std)", "classes (--classes)",
        "values (--values)", "net.onnx.json beside it",
    ):  # fmt: skip
        assert part in message
    assert "--activation" not in message  # the graph ends in a convolution
    with pytest.raises(
        ModelError, match=r"known of it: bands \(stated\).*state also std \(--std\)"
    ) as one:
        open_onnx(path, **{k: v for k, v in ALL.items() if k != "std"})
    assert "--mean" not in str(one.value)


def test_stated_wins_over_sidecar_over_metadata_over_graph(tmp_path):
    path = write_network(tmp_path / "net.onnx", WEIGHTS, metadata=DEEPNESS)
    (tmp_path / "net.json").write_text('{"bands": ["nir", "red"], "mean": [7, 7], "std": 8}')
    known = describe_network(path, NetworkFacts(std=9))
    origins = dict(known.origins)
    assert known.facts.std == (9.0,)
    assert origins["std"] == "stated"
    assert known.facts.mean == (7.0, 7.0)
    assert origins["mean"] == origins["bands"] == "net.json"
    assert known.facts.scale == (1 / 255,)
    assert origins["scale"] == origins["classes"] == "Deepness metadata"
    assert origins["layout"] == origins["answer"] == "graph"
    assert known.missing == ()
    (tmp_path / "net.onnx.json").write_text('{"mean": 3}')
    assert describe_network(path).facts.mean == (3.0,)


def test_a_network_for_deepness_is_fed_as_the_plugin_feeds_it(tmp_path, image, seen):
    """x / 255, then mean and std; softmax is in the graph."""
    path = write_network(tmp_path / "net.onnx", WEIGHTS, metadata=DEEPNESS, end=["Softmax"])
    model = open_onnx(path, bands=[1, 2])
    assert model.outputs.classes == Classes.of(["land", "water", "ice"], [0, 1, 2])
    assert model.tile_px == 64
    assert model.network.gsd == 2.5
    assert model.fed.scaling == ((1 / 255, 0.0),) * 2
    expected = softmax(mixed(image, seen, mean=(0.5, 0.25), std=(0.1, 0.2)))
    close(model(image, seen), expected)


def test_other_entries_of_deepness(tmp_path, image, seen):
    one = {"model_type": "Segmentor", "names": '[{"0": "building"}]', "seg_thresh": "0.8"}
    path = write_network(tmp_path / "one.onnx", WEIGHTS[:1], metadata=one, end=["Sigmoid"])
    known = describe_network(path)
    assert known.facts.classes.names == ("background", "building")
    assert known.remarks == ("seg_thresh of its metadata are not applied",)
    height = {"model_type": '"Regressor"', "reg_output_scaling": "30.0"}
    path = write_network(tmp_path / "height.onnx", WEIGHTS[:1], metadata=height)
    model = open_onnx(path, bands="1,2", values="height=m")
    close(model(image, seen), 30 * mixed(image, seen, WEIGHTS[:1], (0, 0), (1, 1)))
    assert model.outputs.written.units == ("m",)
    path = write_network(tmp_path / "boxes.onnx", WEIGHTS, metadata={"model_type": '"Detector"'})
    with pytest.raises(
        ModelError, match=r"boxes\.onnx is a Detector for Deepness, expected one of"
    ):
        open_onnx(path)
    path = write_network(tmp_path / "x.onnx", WEIGHTS, metadata={**DEEPNESS, "tile_size": '"big"'})
    with pytest.raises(
        ModelError, match=r"tile_size of .*x\.onnx is 'big'; expected a whole number"
    ):
        open_onnx(path)


def test_sidecars(tmp_path):
    path = write_network(tmp_path / "net.onnx", WEIGHTS)
    (tmp_path / "net.json").write_text('{"data": {"in_channels": 2}}')
    known = describe_network(path)
    assert known.remarks == ("net.json beside it is in another program's format, and not read",)
    (tmp_path / "net.onnx.json").write_text(json.dumps({**ALL, "stdd": 1}))
    with pytest.raises(
        ModelError, match=r"net\.onnx\.json has the key 'stdd'; did you mean 'std'\?"
    ):
        open_onnx(path)
    (tmp_path / "net.onnx.json").write_text('{"std": 0}')
    with pytest.raises(
        ModelError, match=r"net\.onnx\.json: std is \(0\.0,\); give numbers above 0"
    ):
        open_onnx(path)
    (tmp_path / "net.onnx.json").write_text("{")
    with pytest.raises(ModelError, match=r"net\.onnx\.json is not JSON"):
        open_onnx(path)
    (tmp_path / "net.onnx.json").write_text(json.dumps(ALL))
    plain = open_onnx(path)
    assert plain.bands == ("red", "nir")
    classes = {
        "names": ["a", "b", "c"],
        "codes": [3, 4, 5],
        "colors": ["#112233", "#445566", "#778899"],
    }
    (tmp_path / "net.onnx.json").write_text(json.dumps({**ALL, "classes": classes}))
    colored = open_onnx(path)
    assert colored.classes.colors == ("#112233", "#445566", "#778899")
    assert colored.fingerprint != plain.fingerprint


@pytest.mark.parametrize(
    ("end", "stated", "of"),
    [
        ((), {}, softmax),
        ((), {"activation": "sigmoid"}, lambda raw: 1 / (1 + np.exp(-raw))),
        ((), {"activation": "none"}, lambda raw: raw),
        (("Softmax",), {}, softmax),
        (("LogSoftmax",), {}, softmax),
        (("ArgMax",), {}, lambda raw: np.moveaxis(np.eye(3)[raw.argmax(axis=1)], -1, 1)),
        ((), {"classes": None, "values": "x,y=m,z"}, lambda raw: raw),
    ],
)
def test_answers_become_scores(tmp_path, image, seen, end, stated, of):
    path = write_network(tmp_path / "net.onnx", WEIGHTS, end=end)
    close(open_onnx(path, **{**ALL, **stated})(image, seen), of(mixed(image, seen)))


def test_one_probability_is_that_of_the_second_class(tmp_path, image, seen):
    for name, end in (("raw", ()), ("done", ("Sigmoid",))):
        path = write_network(tmp_path / f"{name}.onnx", WEIGHTS[:1], end=end)
        p = 1 / (1 + np.exp(-mixed(image, seen, WEIGHTS[:1])))
        model = open_onnx(path, **{**ALL, "classes": "rest,water"})
        close(model(image, seen), np.concatenate([1 - p, p], axis=1))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("batch", ["n", 1, 2, 4])
def test_layout_type_and_batch_of_the_graph_are_kept(tmp_path, image, seen, layout, dtype, batch):
    path = write_network(tmp_path / "net.onnx", WEIGHTS, layout=layout, dtype=dtype, batch=batch)
    answers = open_onnx(path, **ALL)(image, seen)
    assert np.abs(answers.numpy() - softmax(mixed(image, seen))).max() < (
        5e-3 if dtype == "float16" else 1e-5
    )


def test_whole_numbers_have_to_fit(tmp_path, seen):
    path = write_network(tmp_path / "net.onnx", WEIGHTS, dtype="uint8")
    model = open_onnx(path, **{**ALL, "mean": 0, "std": 1})
    image = torch.full((3, 2, 5, 7), 200.0)
    close(model(image, seen), softmax(mixed(image, seen, mean=(0, 0), std=(1, 1))))
    with pytest.raises(ModelError, match=r"takes uint8, 0 to 255; found 0 to 300: state the scale"):
        model(image * 1.5, seen)


def test_answers_per_image(tmp_path, image, seen):
    path = write_network(tmp_path / "net.onnx", WEIGHTS, per_image=True)
    model = open_onnx(path, **ALL)
    assert model.outputs.gives == "image"
    close(model(image, seen), softmax(mixed(image, seen).mean(axis=(2, 3))))


def test_one_of_several_outputs_is_named(tmp_path, image, seen):
    path = write_network(tmp_path / "net.onnx", WEIGHTS, extra_output=True)
    with pytest.raises(
        ModelError, match=r"answer \(--answer\): which of its outputs, scores, aside"
    ):
        open_onnx(path, **ALL)
    with pytest.raises(ModelError, match=r"no output 'other'; its outputs are scores, aside"):
        open_onnx(path, answer="other", **ALL)
    with pytest.raises(ModelError, match=r"activation \(--activation\)"):
        open_onnx(path, answer="aside", **ALL)
    model = open_onnx(path, answer="aside", activation="softmax", **ALL)
    close(model(image, seen), softmax(-mixed(image, seen)))


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"bands": "red"}, r"2 bands; found 1 stated \(red\)"),
        ({"mean": "1,2,3"}, r"mean has 3 values, and the network reads 2 bands"),
        ({"classes": "a,b"}, r"3 channels; found 2 names stated \(a, b\)"),
        ({"classes": None, "values": "x"}, r"3 channels; found 1 names stated \(x\)"),
        ({"layout": "NHWC"}, r"expected|found 2 stated|failed"),
    ],
    ids=str,
)
def test_facts_that_do_not_go_with_the_graph(tmp_path, stated, message):
    path = write_network(tmp_path / "net.onnx", WEIGHTS, size=(8, 8))
    with pytest.raises(ModelError, match=message):
        open_onnx(path, **{**ALL, **stated})


def damaged(folder, how):
    path = folder / "net.onnx"
    if how == "missing":
        return path
    write_network(path, WEIGHTS, weights_in="net.weights" if "weights" in how else None)
    whole = path.read_bytes()
    if how == "a folder":
        path.unlink()
        path.mkdir()
    elif how == "weights missing":
        (folder / "net.weights").unlink()
    elif how == "weights elsewhere":
        path.write_bytes(whole.replace(b"net.weights", b"../.weights"))
    elif how == "two inputs":
        model = onnx.load(path)
        model.graph.input.append(onnx.helper.make_tensor_value_info("more", 1, [1]))
        onnx.save(model, path)
    elif how == "a series":
        model = onnx.load(path)
        model.graph.input[0].type.tensor_type.shape.dim.add().dim_value = 3
        onnx.save(model, path)
    elif how == "a list":
        model = onnx.load(path)
        model.graph.input[0].CopyFrom(onnx.helper.make_tensor_sequence_value_info("image", 1, None))
        onnx.save(model, path)
    else:
        contents = {
            "empty": b"",
            "half": whole[: len(whole) // 2],
            "text": b"<html>not found</html>",
            "a zip": b"PK\x03\x04" + bytes(200),
            "noise": np.random.default_rng(0).bytes(999),
        }
        path.write_bytes(contents[how])
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", "is no file"),
        ("a folder", "is no file"),
        ("empty", r"holds no network \(it is empty\)"),
        ("half", "damaged"),
        ("text", "no ONNX file, or a damaged one|holds no network"),
        ("a zip", "no ONNX file, or a damaged one|holds no network"),
        ("noise", "no ONNX file, or a damaged one|holds no network"),
        ("weights missing", r"keeps its weights in net\.weights, which is not beside it"),
        ("weights elsewhere", r"wants weights from '\.\./\.weights', expected a file beside it"),
        ("two inputs", r"takes 2 inputs .*expected one, the image"),
        ("a series", "expected four axes"),
        ("a list", "is a sequence, expected a tensor"),
    ],
)
def test_files_that_are_no_such_network_are_refused(tmp_path, how, message):
    with pytest.raises(ModelError, match=message):
        open_onnx(damaged(tmp_path, how), **ALL)


def test_operators_of_ones_own_are_not_run(tmp_path, image, seen):
    path = write_network(tmp_path / "net.onnx", WEIGHTS, end=["Mystery"], domain="com.stranger")
    model = open_onnx(path, activation="softmax", **ALL)
    with pytest.raises(
        ModelError, match=r"onnxruntime .* cannot run .*net\.onnx.*standard operators"
    ):
        model(image, seen)


def test_wrong_sizes_name_what_was_given(tmp_path, image, seen):
    path = write_network(tmp_path / "net.onnx", WEIGHTS, size=(8, 8))
    with pytest.raises(ModelError, match=r"failed on image \(3, 2, 5, 7\).*--tile"):
        open_onnx(path, **ALL)(image, seen)


def test_weights_beside_the_file_are_part_of_it(tmp_path, image, seen):
    path = write_network(tmp_path / "net.onnx", WEIGHTS, weights_in="net.weights")
    assert read_graph(path).weights == ("net.weights",)
    model = open_onnx(path, **ALL)
    close(model(image, seen), softmax(mixed(image, seen)))
    write_network(tmp_path / "net.onnx", 2 * WEIGHTS, weights_in="net.weights")
    other = open_onnx(path, **ALL)
    assert other.fingerprint != model.fingerprint
    close(other(image, seen), softmax(mixed(image, seen, 2 * WEIGHTS)))
    with pytest.raises(ModelError, match=r"is not the model that the run began with"):
        model(image, seen)


def test_predictors_travel_without_their_session(tmp_path, image, seen):
    path = write_network(tmp_path / "net.onnx", np.tile(WEIGHTS, (1, 1)))
    model = open_onnx(path, **ALL)
    expected = model(image, seen)
    again = pickle.loads(pickle.dumps(model))
    assert len(pickle.dumps(model)) < 5000
    assert again.fingerprint == model.fingerprint
    assert torch.equal(again(image, seen), expected)
    assert open_onnx(path, **{**ALL, "mean": 0}).fingerprint != model.fingerprint


def test_a_session_is_made_once(tmp_path, image, seen, monkeypatch):
    import onnxruntime

    made, make = [], onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda *given, **named: made.append(given) or make(*given, **named),
    )
    model = open_onnx(write_network(tmp_path / "net.onnx", WEIGHTS), **ALL)
    assert made == []
    for _ in range(3):
        model(image, seen)
    assert len(made) == 1


def test_devices(tmp_path, monkeypatch):
    path = write_network(tmp_path / "net.onnx", WEIGHTS)
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [runtime.CPU])
    assert open_onnx(path, **ALL).runs_on == "cpu"
    with pytest.raises(
        ModelError,
        match=r"'cuda' was asked for, and onnxruntime here has CPUExecution.*onnxruntime-gpu",
    ):
        open_onnx(path, device="cuda", **ALL)
    with pytest.raises(ModelError, match=r"no device is named 'tpu'"):
        open_onnx(path, device="tpu", **ALL)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [runtime.CUDA, runtime.CPU])
    model = open_onnx(path, **ALL)
    assert model.runs_on == "cuda"
    assert model.on("cpu").runs_on == "cpu"
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert runtime.usual_threads() == 3


def test_a_network_of_ours_knows_its_own(tmp_path, image, seen):
    """Its card is in the file; not observed is NaN; nothing else is normalised."""
    outputs = Classes.of(["a", "b", "c"], [4, 5, 6])
    card = plain_card("unet", {}, ("red", "nir"), outputs)
    path = write_network(
        tmp_path / "net.onnx",
        WEIGHTS,
        metadata=OnnxMetadata(card, 64).to_props(),
        end=["Softmax"],
    )
    model = open_onnx(path)
    assert (model.bands, model.classes, model.tile_px) == (("red", "nir"), outputs, 64)
    answers = model(image, seen)
    assert answers[:, :, 2, 3].isnan().all()
    expected = softmax(mixed(image, seen, mean=(0, 0), std=(1, 1)))
    at = seen.numpy()[0]
    assert np.abs(answers.numpy() - expected)[:, :, at].max() < 1e-5
    with pytest.raises(
        ConfigError, match=r"scale are facts of a network of someone else's .*leave them out"
    ):
        open_onnx(path, scale=1)
    (tmp_path / "net.onnx.json").write_text('{"scale": 1}')
    with pytest.raises(ModelError, match=r"net\.onnx\.json states facts of .* holds them itself"):
        open_onnx(path)
