"""FCN-32s/16s/8s and U-Net: sizes, bands, gradients, learning, export."""

import pytest
import torch
from torch.nn import functional

from geoloom.models.networks.layers import bilinear_upsampling
from geoloom.models.registry import create_model

NAMES = ["fcn32s", "fcn16s", "fcn8s", "unet"]
SMALL = 0.125


def build(name, bands=3, classes=4):
    torch.manual_seed(0)
    return create_model(name, bands, classes, width=SMALL, dropout=0.0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(1, 1), (33, 47), (64, 31), (70, 64)])
def test_logits_come_at_the_size_of_the_image(name, size):
    model = build(name).eval()
    with torch.inference_mode():
        assert model(torch.randn(2, 3, *size)).shape == (2, 4, *size)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bands", [1, 2, 6, 13])
def test_any_number_of_bands(name, bands):
    model = build(name, bands, 2).eval()
    with torch.inference_mode():
        assert model(torch.randn(1, bands, 32, 32)).shape == (1, 2, 32, 32)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_every_parameter(name):
    model = build(name)
    logits = model(torch.randn(3, 3, 64, 64))
    (logits * torch.randn_like(logits)).sum().backward()
    still = [
        key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0
    ]
    assert still == []


@pytest.mark.parametrize("name", NAMES)
def test_overfits_four_chips(name):
    torch.manual_seed(1)
    image = torch.randn(4, 3, 64, 64)
    # Quadrants, unlike from chip to chip and unrelated to the pixel values: only place and texture count.
    truth = torch.randint(0, 3, (4, 2, 2)).repeat_interleave(32, 1).repeat_interleave(32, 2)
    model = build(name, 3, 3)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(120):
        optimiser.zero_grad()
        loss = functional.cross_entropy(model(image), truth)
        loss.backward()
        optimiser.step()
        if loss < 0.05:
            break
    assert (model(image).argmax(1) == truth).float().mean() > 0.97


@pytest.mark.parametrize("name", NAMES)
def test_logits_take_both_signs(name):
    # A ReLU on the logits would silence every class that a pixel is not.
    logits = build(name)(torch.randn(2, 3, 64, 64))
    assert logits.min() < 0 < logits.max()


def count(name, width):
    with torch.device("meta"):
        model = create_model(name, 3, 21, width=width)
    return sum(p.numel() for p in model.parameters())


def test_full_fcn_has_the_published_134_million_parameters():
    # VGG16's convolutions, fc6 and fc7 without biases (batch norm's two a channel instead), 21 scores each
    # at fc7, pool4, pool3, and the three learned enlargements: counted by hand from table 1 of VGG.
    convs = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256)]
    convs += [(256, 512), (512, 512), (512, 512), (512, 512), (512, 512), (512, 512)]
    body = sum(9 * i * o + 2 * o for i, o in convs)
    body += 49 * 512 * 4096 + 2 * 4096 + 4096 * 4096 + 2 * 4096
    scores = 21 * (4096 + 1) + 21 * (512 + 1) + 21 * (256 + 1)
    enlargements = 21 * 21 * (4 * 4 + 4 * 4 + 16 * 16)
    assert count("fcn8s", 1.0) == body + scores + enlargements
    assert round(body / 1e6) == 134


def test_full_unet_has_the_published_31_million_parameters():
    assert count("unet", 1.0) == pytest.approx(31.0e6, rel=0.01)


@pytest.mark.parametrize("name", ["fcn8s", "unet"])
def test_width_scales_the_parameters_by_its_square(name):
    assert count(name, 0.25) == pytest.approx(count(name, 1.0) / 16, rel=0.05)


@pytest.mark.parametrize("factor", [2, 4, 8, 16, 32])
def test_upsampling_starts_as_bilinear_interpolation(factor):
    image = torch.randn(1, 3, 6, 5)
    ours = bilinear_upsampling(3, factor)(image)
    torchs = functional.interpolate(image, scale_factor=factor, mode="bilinear")
    inner = (..., slice(factor, -factor), slice(factor, -factor))  # the rim blends with zero
    assert ours.shape == torchs.shape
    torch.testing.assert_close(ours[inner], torchs[inner], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["fcn8s", "unet"])
def test_exports_with_any_batch_and_any_multiple_of_32(name):
    model = build(name).eval()
    height = 32 * torch.export.Dim("rows", min=2, max=64)
    width = 32 * torch.export.Dim("cols", min=2, max=64)
    program = torch.export.export(
        model,
        (torch.randn(2, 3, 64, 96),),
        dynamic_shapes=({0: torch.export.Dim("batch"), 2: height, 3: width},),
    )
    image = torch.randn(3, 3, 128, 64)
    with torch.inference_mode():
        torch.testing.assert_close(program.module()(image), model(image), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["fcn8s", "unet"])
def test_exports_at_an_odd_size(name):
    model = build(name).eval()
    image = torch.randn(1, 3, 57, 43)
    program = torch.export.export(model, (image,))
    with torch.inference_mode():
        torch.testing.assert_close(program.module()(image), model(image), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["fcn8s", "fcn32s"])
def test_the_surroundings_of_a_chip_do_not_change_what_fc6_sees_on_average(name):
    # An even image is even to fc6 too, at the rim as in the middle: no rim of zeros dims the features.
    model = build(name).eval()
    features = model.fc6[0](torch.ones(1, model.fc6[0].in_channels, 4, 4))
    torch.testing.assert_close(
        features, features[..., :1, :1].expand_as(features), atol=1e-4, rtol=1e-4
    )
