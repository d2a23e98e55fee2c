"""ChangeStar: change between two dates by ChangeMixin, on the dense features of any network.

Legend: B batch, T the two dates, C bands, D features, K outputs, H rows, W columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...core.errors import ModelError
from ..layers.convolutions import initialise
from ..layers.dense import DenseNetwork
from ..layers.fc_change import PAIR
from ..layers.padding import any_size
from ..layers.series import check_series
from ..layers.upsampling import enlarged
from ..listing import get_spec

_STEPS = 4


class ChangeStar(nn.Module):
    """Features of both dates by one network, side by side through a few convolutions: ChangeMixin.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes of change to tell apart, or values.
        base: The network whose features are compared, by name: `farseg` as published, `unet`, `autoencoder`,
            or any of `smp/*`.
        width: Of the base network; None takes its own default.
        encoder: Of a base network that has such an option; None takes its own default.
        channels: Of ChangeMixin's convolutions.
        symmetric: The mean of both orders of the dates, so that there and back again is the same change
            (section 3.3 of the paper). Not for changes from one class to another, whose order matters.

    Raises:
        ModelError: the base network is unknown, or has no dense features.

    Source:
        Zheng et al. 2021 (ICCV), arXiv 2108.07002, section 3.2 and figure 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        base: str = "farseg",
        width: float | None = None,
        encoder: str | None = None,
        channels: int = 16,
        symmetric: bool = False,
    ) -> None:
        super().__init__()
        self.symmetric = symmetric
        given = {"width": width, "encoder": encoder}
        options = {key: value for key, value in given.items() if value is not None}
        spec = get_spec(base)
        for key in options:
            if key not in spec.options():
                raise ModelError(f"the base network {base!r} has no option {key!r}; leave it out")
        network = spec.build(in_channels, 1, **options)
        if not isinstance(network, DenseNetwork):
            raise ModelError(
                f"the base network {base!r} has no dense features; choose one such as farseg, unet or smp/fpn"
            )
        network.drop_score()
        self.base, self.multiple = network, network.multiple
        inputs = [PAIR * network.feature_channels, *[channels] * (_STEPS - 1)]
        self.mixin = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(i, channels, 3, padding=1),
                    nn.ReLU(inplace=True),
                    nn.BatchNorm2d(channels),
                )
                for i in inputs
            ),
            nn.Conv2d(channels, out_channels, 3, padding=1),
        )
        initialise(self.mixin)

    @any_size
    def forward(self, image_BTCHW: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W) to pairs (B, 2, C, H, W)."""
        check_series(image_BTCHW, "BTCHW", PAIR)
        features = self.base.features(image_BTCHW.flatten(0, 1))
        first, second = torch.unflatten(features, 0, (-1, PAIR)).unbind(1)
        change = self.mixin(torch.cat([first, second], dim=1))
        if self.symmetric:
            change = (change + self.mixin(torch.cat([second, first], dim=1))) / 2
        return enlarged(change, image_BTCHW.shape[-2:])
