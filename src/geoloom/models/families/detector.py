"""A detector of torchvision for images of any number of bands, at their own size, classes counted from 0.

Legend: B batch, C bands, N boxes, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn
from torchvision.models.detection import FCOS, FasterRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

_PYRAMID_CHANNELS = 256


class Detector(nn.Module):
    """A detector as geoloom's data has it: images in a batch, classes as positions from 0.

    Args:
        network: torchvision's, for images as a list.
        first: The label that it has for the first class: 1 where 0 is the background, else 0.
    """

    def __init__(self, network: nn.Module, first: int) -> None:
        super().__init__()
        self.network, self.first = network, first

    def forward(
        self,
        image_BCHW: Tensor | Sequence[Tensor],
        targets: Sequence[Mapping[str, Tensor]] | None = None,
    ) -> list[dict[str, Tensor]] | dict[str, Tensor]:
        """Boxes of each image; while training, the losses by name.

        Args:
            image_BCHW: float32, normalised; or a list of images (C, H, W) of several sizes.
            targets: While training, of each image `boxes` float32 (N, 4), pixels: left, top, right, bottom;
                `labels` int64 (N,), positions of classes from 0; and, with outlines, `masks` uint8 (N, H, W).

        Returns:
            Of each image `boxes`, `labels`, `scores` float32 (N,) in [0, 1], best first; and, with outlines,
            `masks` float32 (N, 1, H, W) in [0, 1].
        """
        images = list(image_BCHW)
        if targets is not None:
            moved = [{**target, "labels": target["labels"] + self.first} for target in targets]
            losses: dict[str, Tensor] = self.network(images, moved)
            return losses
        answers: list[dict[str, Tensor]] = self.network(images)
        return [{**answer, "labels": answer["labels"] - self.first} for answer in answers]


class _AsItIs(GeneralizedRCNNTransform):  # type: ignore[misc]  # torchvision has no types
    """Images normalised already, at the size that they have: pixels of the ground are not resized."""

    def __init__(self, bands: int) -> None:
        super().__init__(0, 0, [0.0] * bands, [1.0] * bands)

    def resize(
        self, image: Tensor, target: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor] | None]:
        return image, target


def build_detector(name: str, in_channels: int, out_channels: int, backbone: str) -> Detector:
    """See `torchvision.build`."""
    levels = 5 if name in ("retinanet", "fcos") else 4
    pyramid = resnet_fpn_backbone(
        backbone_name=backbone,
        weights=None,
        norm_layer=nn.BatchNorm2d,  # frozen statistics are for weights that someone trained
        trainable_layers=5,
        returned_layers=[2, 3, 4] if levels == 5 else None,
        extra_blocks=LastLevelP6P7(_PYRAMID_CHANNELS, _PYRAMID_CHANNELS) if levels == 5 else None,
    )
    first = pyramid.body.conv1
    pyramid.body.conv1 = nn.Conv2d(
        in_channels, first.out_channels, 7, stride=2, padding=3, bias=False
    )
    nn.init.kaiming_normal_(pyramid.body.conv1.weight, mode="fan_out", nonlinearity="relu")
    background = int(name in _WITH_BACKGROUND)
    network = _CLASSES[name](pyramid, out_channels + background)
    network.transform = _AsItIs(in_channels)
    return Detector(network, background)


_CLASSES: dict[str, Callable[[nn.Module, int], nn.Module]] = {
    "fasterrcnn": FasterRCNN,
    "maskrcnn": MaskRCNN,
    "retinanet": RetinaNet,
    "fcos": FCOS,
}
_WITH_BACKGROUND = ("fasterrcnn", "maskrcnn")
