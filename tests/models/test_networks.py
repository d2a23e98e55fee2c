"""Every network and option, from one table: sizes, bands, gradients, learning, saving, counts, exports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch.nn import functional

from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.outputs import ClassOutputs
from geoloom.models.card import ModelCard
from geoloom.models.export.export import export_model
from geoloom.models.listing import get_spec, list_models
from geoloom.models.per_pixel import PerPixel
from geoloom.models.registry import create_model
from geoloom.models.saved import LoadedModel
from geoloom.models.weights import save_weights

DAY = 86_400.0
ODD = (33, 47)
"""An odd size that is cheap; the deep run takes 97 x 131."""


@dataclass(frozen=True)
class Case:
    """A network with options that make it small."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    dates: int = 3
    side: int = 16
    """Of the chips that are overfitted."""
    rate: float = 1e-2
    unrolled: bool = False
    """Whether an exported file has to be told how many dates it takes: its graph has a part for each."""
    one_size: tuple[str, ...] = ()
    """Endings of exported files that take tiles of the chips' size alone; any size elsewhere."""

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.options.items())])

    def told(self, ending: str) -> int | None:
        """The dates that an export is told."""
        return self.dates if self.unrolled else None

    def takes(self, ending: str) -> str:
        """What an exported file takes, in words."""
        spec = get_spec(self.name)
        size = "64 x 64 px" if ending in self.one_size else "any height and width"
        if spec.takes == "BCHW":
            return f"tiles of {size}"
        built = {**spec.options(), **self.options}.get("dates")
        fixed = [n for n in (spec.dates, built, self.told(ending)) if isinstance(n, int)]
        return f"tiles of {size}, series of {f'{fixed[0]} dates' if fixed else 'any length'}"

    def built(self, bands: int = 3, classes: int = 3, **more: Any) -> torch.nn.Module:
        torch.manual_seed(0)
        quiet = {"dropout": 0.0} if "dropout" in get_spec(self.name).options() else {}
        return create_model(self.name, bands, classes, **{**quiet, **self.options, **more})

    def inputs(self, batch: int, bands: int, size: tuple[int, int]) -> dict[str, torch.Tensor]:
        """By key, all of them; the series are irregular and partly unobserved."""
        spec, dates = get_spec(self.name), self.dates if get_spec(self.name).dates == "any" else 2
        shape = {
            "BCHW": (batch, bands, *size),
            "BTCHW": (batch, dates, bands, *size),
            "BTC": (batch, dates, bands),
        }[spec.takes]
        seen = (batch, dates) if spec.takes == "BTC" else (batch, dates, *size)
        given = {
            "image": torch.randn(shape),
            "times": 1.5e9 + DAY * torch.randint(0, 300, (batch, dates)).double().cumsum(1),
            "valid_series": torch.rand(seen) > 0.2,
            "aux": torch.rand(batch, 1, *size) > 0.5,
        }
        return {key: given[key] for key in spec.inputs or ("image",)}


def asked(network: torch.nn.Module, name: str, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """As a pipeline asks: by keyword where the spec names inputs, else the image by position."""
    return network(**inputs) if get_spec(name).inputs else network(inputs["image"])


SMALL = {"width": 0.125}
TINY = {"width": 0.05}
CASES = [
    Case("autoencoder", {**SMALL}),
    Case("autoencoder", {**SMALL, "coarsen": 2, "depth": 3}),
    Case("changestar", {"base": "unet", **SMALL}),
    Case("changestar", {"base": "farseg", "encoder": "test_resnet", **SMALL}),
    Case("changestar", {"base": "autoencoder", **SMALL, "symmetric": True}),
    Case("convlstm", {"hidden": 16}, unrolled=True),
    Case("convlstm", {"hidden": 16, "layers": 2, "peepholes": True, "kernel_px": 5}, unrolled=True),
    Case("farseg", {"encoder": "test_resnet", **SMALL}),
    Case("fc_ef", {"width": 0.5}),
    Case("fc_siam_conc", {"width": 0.5}),
    Case("fc_siam_diff", {"width": 0.5}),
    Case("fcn8s", TINY, side=32),
    Case("fcn8s", {**TINY, "padding": "paper"}, side=32),
    Case("fcn16s", TINY, side=32),
    Case("fcn16s", {**TINY, "padding": "paper"}, side=32),
    Case("fcn32s", TINY, side=64),
    Case("fcn32s", {**TINY, "padding": "paper"}, side=64),
    Case("fcn8s_aux", TINY, side=32, dates=2),
    Case("fcn8s_early", {**TINY, "dates": 3}, side=32),
    Case("fcn8s_early", {**TINY, "dates": 3, "fusion": "stack"}, side=32),
    Case("fcn8s_late", TINY, side=32, dates=2),
    Case("ltae", {"width": 0.25, "heads": 4}),
    Case("ltae", {"width": 0.25, "heads": 4, "embedding_dates": 3}, unrolled=True),
    Case("rcf", {"features": 256}),
    Case("rcf", {"features": 256, "patch_px": 4, "bias": 0.5}),
    Case("tempcnn", {"dates": 3, "width": 0.25}),
    Case("unet", SMALL),
    Case("unet", {**SMALL, "depth": 2, "batch_norm": False}),
    Case("unet", {**SMALL, "padding": "paper"}, one_size=("onnx",)),
    Case("unet_aux", SMALL, dates=2),
    Case("unet_early", {**SMALL, "dates": 3}),
    Case("unet_early", {**SMALL, "dates": 1, "fusion": "stack"}, dates=1),
    Case("unet_late", {**SMALL, "dates": 3}),
    Case("utae", {"width": 0.25, "heads": 4}),
    Case("utae", {"width": 0.25, "heads": 4, "rectified": True}),
    Case("smp/unet", {"encoder": "tu-test_resnet"}, side=32),
    Case("timm/test_resnet"),
]
each = pytest.mark.parametrize("case", CASES, ids=str)
OWN = {name for name in list_models() if "/" not in name}


def test_the_table_has_every_network_and_every_option():
    assert {case.name for case in CASES} >= OWN
    for name in OWN:
        tried = {key for case in CASES if case.name == name for key in case.options}
        plain = {"dropout", "seed", "day_zero", "key_channels", "channels", "kernel_dates", "masks"}
        alike = {"depth", "batch_norm", "width", "encoder", "dates"}  # tried with another network
        assert set(get_spec(name).options()) - plain - alike <= tried, name


def shape_of(case: Case, batch: int, size: tuple[int, int], classes: int) -> tuple[int, ...]:
    spec = get_spec(case.name)
    flat = spec.takes == "BTC" or spec.gives[0] == "image"
    return (batch, classes) if flat else (batch, classes, *size)


@each
def test_any_bands_and_any_size(case):
    for bands, size in ((1, ODD), (3, (33, 32)), (4, (1, 1)), (13, ODD)):
        if size == (1, 1) and case.name.startswith(("timm", "smp")):
            continue
        network = case.built(bands, 5).eval()
        with torch.inference_mode():
            answers = asked(network, case.name, case.inputs(2, bands, size))
        assert answers.shape == shape_of(case, 2, size, 5)
        assert answers.isfinite().all()


def open_branches(network: torch.nn.Module) -> None:
    """timm's residual branches end in a batch norm that starts at 0 and lets no gradient through."""
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            if key.endswith("weight") and parameter.ndim == 1 and not parameter.any():
                parameter.fill_(1.0)


def untouched(case: Case, network: torch.nn.Module, size: tuple[int, int]) -> list[str]:
    """Parameters that no gradient reaches."""
    open_branches(network)
    answers = asked(network, case.name, case.inputs(3, 3, size))
    (answers * torch.randn_like(answers)).sum().backward()
    named = network.named_parameters()
    return [key for key, p in named if p.grad is None or not p.grad.abs().max() > 0]


@each
def test_the_gradient_reaches_every_parameter(case):
    assert untouched(case, case.built(), (32, 32)) == []


@each
def test_four_chips_are_overfitted(case):
    network, spec = case.built(), get_spec(case.name)
    torch.manual_seed(1)
    flat = spec.takes == "BTC" or spec.gives[0] == "image"
    inputs = case.inputs(4, 3, (case.side, case.side))
    # Unlike from chip to chip and unrelated to the values: only place and texture count.
    truth = torch.tensor([0, 1, 2, 1]) if flat else quadrants(case.side)
    optimiser = torch.optim.Adam(network.parameters(), lr=case.rate)
    for _ in range(150):
        optimiser.zero_grad()
        answers = asked(network, case.name, inputs)
        loss = functional.cross_entropy(answers, truth)
        loss.backward()
        optimiser.step()
        if loss < 0.35:
            break
    assert (answers.argmax(1) == truth).float().mean() > 0.8


def quadrants(side: int) -> torch.Tensor:
    coarse = torch.randint(0, 3, (4, 2, 2))
    return coarse.repeat_interleave(side // 2, 1).repeat_interleave(side // 2, 2)


@each
def test_saved_weights_give_the_same_answers(case, tmp_path):
    network = case.built().train()
    asked(network, case.name, case.inputs(4, 3, (32, 32)))  # statistics of batch norm move
    save_weights(tmp_path / "w.safetensors", network)
    again = case.built(weights=tmp_path / "w.safetensors").eval()
    inputs = case.inputs(2, 3, ODD)
    with torch.inference_mode():
        expected = asked(network.eval(), case.name, inputs)
        assert torch.equal(asked(again, case.name, inputs), expected)


COUNTS = [
    # Published or computed from the papers' layers: bands, outputs, options, parameters.
    ("fcn32s", 3, 21, {"batch_norm": False}, 136_152_917),
    ("fcn32s", 3, 5, {"batch_norm": False}, 134_383_429),
    ("fcn16s", 3, 21, {"batch_norm": False}, 134_815_994),
    ("fcn8s", 3, 21, {"batch_norm": False}, 134_489_759),
    ("fcn8s", 3, 2, {"batch_norm": False, "padding": "paper"}, 134_271_430),
    ("unet", 1, 2, {"width": 1.0, "batch_norm": False, "padding": "paper"}, 31_030_658),
    ("unet", 4, 5, {"width": 1.0, "batch_norm": False}, 31_032_581),
    ("unet", 3, 2, {"width": 1.0}, 31_037_698),
    ("farseg", 3, 16, {}, 31_386_448),
    # The published totals, less the segmentation's own last layer of 1153, which no change is read from.
    ("changestar", 3, 1, {}, 31_413_266 - 1153),
    ("changestar", 3, 1, {"encoder": "resnet18"}, 16_771_602 - 1153),
    ("fc_ef", 3, 2, {}, 1_350_578),
    ("fc_ef", 13, 2, {}, 1_353_458),
    ("fc_siam_conc", 4, 2, {}, 1_546_130),
    ("fc_siam_conc", 13, 2, {}, 1_547_426),
    ("fc_siam_diff", 3, 2, {}, 1_350_146),
    ("fc_siam_diff", 13, 2, {}, 1_351_586),
    ("utae", 10, 20, {"rectified": True}, 1_087_260),
    # L-TAE and its decoder, behind a pixel-set encoder of 128 features.
    ("ltae", 128, 20, {"embedding_dates": 24}, 112_000 + 11_188),
    ("tempcnn", 3, 13, {"dates": 46}, 800_269),
    ("tempcnn", 3, 13, {"dates": 149}, 2_487_821),
    ("tempcnn", 10, 20, {"dates": 24}, 443_860),
    ("timm/resnet18", 3, 1000, {}, 11_689_512),
]


@pytest.mark.parametrize(("name", "bands", "classes", "options", "expected"), COUNTS)
def test_parameters_are_those_of_the_paper(name, bands, classes, options, expected):
    with torch.device("meta"):
        network = create_model(name, bands, classes, **options)
    assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize("name", sorted(n for n in OWN if "times" in get_spec(n).inputs))
def test_dates_that_only_fill_a_series_up_change_nothing(name):
    case = next(case for case in CASES if case.name == name)
    network = case.built().eval()
    short = case.inputs(2, 3, ODD)
    filled = {
        "image": torch.cat([short["image"], 7 * torch.randn_like(short["image"][:, :2])], dim=1),
        "times": torch.cat([short["times"], short["times"][:, :2] * torch.nan], dim=1),
        "valid_series": torch.cat(
            [short["valid_series"], torch.zeros_like(short["valid_series"][:, :2])], dim=1
        ),
    }
    with torch.inference_mode():
        torch.testing.assert_close(network(**filled), network(**short), atol=1e-5, rtol=1e-4)
        nothing = {**short, "valid_series": torch.zeros_like(short["valid_series"])}
        assert network(**nothing).isfinite().all()


@pytest.mark.parametrize("name", ["ltae", "utae"])
def test_the_days_of_a_series_count_and_not_its_order(name):
    case = next(case for case in CASES if case.name == name)
    network, given = case.built().eval(), case.inputs(2, 3, ODD)
    turned = {key: value.flip(1) for key, value in given.items()}
    later = {**given, "times": given["times"] + 40 * DAY * torch.arange(3)}
    with torch.inference_mode():
        expected = network(**given)
        torch.testing.assert_close(network(**turned), expected, atol=1e-5, rtol=1e-4)
        assert (network(**later) - expected).abs().max() > 1e-4


def test_a_memory_keeps_what_it_saw_where_a_date_shows_nothing():
    case = next(case for case in CASES if case.name == "convlstm")
    network, given = case.built().eval(), case.inputs(1, 3, ODD)
    more = {key: torch.cat([value, value[:, :1]], dim=1) for key, value in given.items()}
    more["valid_series"][:, -1] = False
    with torch.inference_mode():
        torch.testing.assert_close(network(**more), network(**given))


def test_a_series_network_over_a_raster_is_the_one_over_pixels():
    case = next(case for case in CASES if case.name == "ltae")
    network, (rows, columns) = case.built().eval(), (5, 6)
    image = torch.randn(2, 3, 3, rows, columns)
    times, seen = 1.5e9 + DAY * torch.rand(2, 3).double(), torch.rand(2, 3, rows, columns) > 0.3
    with torch.inference_mode():
        over = PerPixel(network, get_spec("ltae").inputs)(image, times, seen)
        alone = network(image[1, :, :, 2, 3][None], times[1][None], seen[1, :, 2, 3][None])
    torch.testing.assert_close(over[1, :, 2, 3], alone[0], atol=1e-5, rtol=1e-4)


def test_published_u_net_takes_572_and_gives_388():
    network = create_model("unet", 1, 2, width=0.125, padding="paper")
    with torch.device("meta"):
        plain = create_model("unet", 1, 2, width=0.125, padding="paper")
        assert plain.up(plain.down(torch.zeros(1, 1, 572, 572))).shape[-2:] == (388, 388)
    image = torch.randn(1, 1, 100, 84)
    # 92 pixels of mirror image before, and after as many as the next size that fits needs: here none more.
    wide = functional.pad(image[..., :84], (83, 83, 83, 83), "reflect")
    assert network._margins(388) == (92, 92)
    assert network.features(image).shape[-2:] == (100, 84)
    assert wide.shape[-2:] == (266, 250)


@pytest.mark.parametrize("name", ["fcn8s", "fcn16s", "fcn32s"])
def test_logits_take_both_signs(name):
    # A ReLU on the logits would silence every class that a pixel is not.
    logits = create_model(name, 3, 4, **TINY)(torch.randn(2, 3, 64, 64))
    assert logits.min() < 0 < logits.max()


@pytest.mark.parametrize("name", ["fcn8s", "fcn32s"])
def test_the_surroundings_of_a_chip_do_not_change_what_fc6_sees_on_average(name):
    # An even image is even to fc6 too, at the rim as in the middle: no rim of zeros dims the features.
    fc6 = create_model(name, 3, 4, **SMALL).eval().scores.fc6[0]
    features = fc6(torch.ones(1, fc6.in_channels, 4, 4))
    torch.testing.assert_close(
        features, features[..., :1, :1].expand_as(features), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("name", ["fcn8s", "unet"])
def test_exports_with_any_batch_and_any_multiple_of_32(name):
    network = create_model(name, 3, 4, **SMALL).eval()
    height = 32 * torch.export.Dim("rows", min=2, max=64)
    width = 32 * torch.export.Dim("cols", min=2, max=64)
    program = torch.export.export(
        network,
        (torch.randn(2, 3, 64, 96),),
        dynamic_shapes=({0: torch.export.Dim("batch"), 2: height, 3: width},),
    )
    image = torch.randn(3, 3, 128, 64)
    with torch.inference_mode():
        torch.testing.assert_close(program.module()(image), network(image), atol=1e-4, rtol=1e-4)


@pytest.mark.deep
@pytest.mark.parametrize("ending", ["onnx", "pt2"])
@each
def test_exported_files_answer_alike(case, ending, tmp_path):
    """An export compares its answers with prediction's, for one tile and for several of an odd size."""
    pytest.importorskip("onnxruntime")
    spec = get_spec(case.name)
    per = "image" if spec.gives[0] == "image" else "pixel"
    outputs = ClassOutputs(Classes.of(["a", "b", "c"]), per=per)
    bands = tuple(map(Band.named, ("red", "green", "blue")))
    rule = {"kind": "mean_std", "center": [0.0, 0.1, 0.2], "scale": [1.0, 1.0, 2.0], "bands": []}
    card = ModelCard(
        case.name,
        case.options,
        bands,
        outputs,
        dates=spec.dates,
        normalization=rule,
        chip_size_px=64,
    )
    made = export_model(
        LoadedModel.of(case.built().eval(), card), tmp_path / f"m.{ending}", dates=case.told(ending)
    )
    assert made.takes == case.takes(ending)


@pytest.mark.deep
@pytest.mark.parametrize("name", sorted(OWN))
def test_published_widths_learn_a_step(name):
    options = {"width": 1.0} if "width" in get_spec(name).options() else {}
    case = Case(name, options, dates=2 if name != "tempcnn" else 24)
    assert untouched(case, case.built(), (97, 131)) == []
