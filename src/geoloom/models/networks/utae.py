"""U-TAE: a U-Net over a series of images, whose dates are weighed by attention.

Legend: B batch, T dates, C bands, D features, G heads, K outputs, H rows, W columns.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..layers.convolutions import scaled_channels
from ..layers.ltae import TemporalAttention
from ..layers.padding import any_size
from ..layers.series import check_series, day_number, observed_dates
from ..layers.upsampling import enlarged

_GROUPS = 4
"""Of the encoder's group norm."""
_LEVELS = 4


class UTAE(nn.Module):
    """Each date is encoded alike; attention over the dates, from the coarsest level, weighs all levels.

    For any number of dates, unevenly spaced and partly unobserved. A date of which nothing was observed
    changes nothing. Published with 1.1 M parameters.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        width: Multiplies the convolutions' channels, of which 16 are the least; 1 is as published.
        heads: Of the attention; each weighs its own share of the channels.
        key_channels: Of each head's keys.
        dropout: Chance that a feature of the coarsest level is left out of a training step.
        day_zero: Day from which positions are counted.
        rectified: Batch norm and ReLU after the last convolution too, as in the authors' program: answers are
            then never negative.

    Source:
        Sainte Fare Garnot and Landrieu 2021, arXiv 2107.07933, section 3 and figure 2.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: float = 1.0,
        heads: int = 16,
        key_channels: int = 4,
        dropout: float = 0.2,
        day_zero: str = "2018-09-01",
        rectified: bool = False,
    ) -> None:
        super().__init__()
        self.multiple = 2 ** (_LEVELS - 1)
        down = [max(heads, scaled_channels(c, width)) for c in (64, 64, 64, 128)]
        up = [max(heads, scaled_channels(c, width)) for c in (32, 32, 64, 128)]
        self.first = nn.Sequential(
            _conv(in_channels, down[0], group=True), _conv(down[0], down[0], group=True)
        )
        self.down = nn.ModuleList(_Down(i, o) for i, o in pairwise(down))
        self.attention = TemporalAttention(
            down[-1],
            (up[-1],),
            heads=heads,
            key_channels=key_channels,
            model_channels=2 * up[-1],
            dropout=dropout,
            norm="group",
            embedding_norm=False,
            day_zero=day_number(day_zero),
        )
        self.up = nn.ModuleList(
            _Up(up[level], up[level - 1], down[level - 1]) for level in range(_LEVELS - 1, 0, -1)
        )
        last = _conv(up[0], out_channels, group=False)
        self.last = nn.Sequential(_conv(up[0], up[0], group=False), last if rectified else last[0])

    @any_size
    def forward(self, image: Tensor, times: Tensor, valid_series: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W).

        Args:
            image: float32 (B, T, C, H, W).
            times: float64 (B, T), seconds since 1970 UTC; NaN = unknown, a date without a position.
            valid_series: bool (B, T, H, W), True = observed.
        """
        check_series(image, "BTCHW")
        batch, dates = image.shape[:2]
        observed = observed_dates(valid_series)
        levels = [self.first(image.flatten(0, 1))]
        for down in self.down:
            levels.append(down(levels[-1]))
        coarse = levels.pop()
        rows, columns = coarse.shape[-2:]
        # Each place of the coarsest level is a series by itself.
        series = coarse.unflatten(0, (batch, dates)).permute(0, 3, 4, 1, 2).flatten(0, 2)
        of_place = [
            each[:, None].expand(batch, rows * columns, dates).flatten(0, 1)
            for each in (times, observed)
        ]
        features, attention = self.attention(series, *of_place)
        x = features.unflatten(0, (batch, rows, columns)).permute(0, 3, 1, 2)
        weights = attention.unflatten(0, (batch, rows, columns)).permute(0, 3, 4, 1, 2)
        for up in self.up:
            skip = levels.pop().unflatten(0, (batch, dates))
            x = up(x, _weighed(skip, weights))
        answers: Tensor = self.last(x)
        return answers


def _weighed(skip_BTDHW: Tensor, weights_BGTHW: Tensor) -> Tensor:
    """A level's features (B, D, H, W), summed over the dates by the attention of their share's head."""
    _, heads, dates = weights_BGTHW.shape[:3]
    size = skip_BTDHW.shape[-2:]
    fine = torch.unflatten(enlarged(weights_BGTHW.flatten(1, 2), size), 1, (heads, dates))
    shares = torch.unflatten(skip_BTDHW, 2, (heads, -1))
    summed: Tensor = (fine.transpose(1, 2).unsqueeze(3) * shares).sum(dim=1)
    return summed.flatten(1, 2)


class _Down(nn.Module):
    """Half the size by a strided convolution, then two convolutions, the second residual."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.halve = _conv(in_channels, in_channels, group=True, kernel_px=4, stride=2)
        self.change = _conv(in_channels, out_channels, group=True)
        self.refine = _conv(out_channels, out_channels, group=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.change(self.halve(x))
        summed: Tensor = x + self.refine(x)
        return summed


class _Up(nn.Module):
    """Twice the size, joined with a skip, then two convolutions, the second residual."""

    def __init__(self, in_channels: int, out_channels: int, skip_channels: int) -> None:
        super().__init__()
        self.skip = nn.Sequential(
            nn.Conv2d(skip_channels, skip_channels, 1),
            nn.BatchNorm2d(skip_channels),
            nn.ReLU(inplace=True),
        )
        self.enlarge = nn.Sequential(
            nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )
        self.change = _conv(out_channels + skip_channels, out_channels, group=False)
        self.refine = _conv(out_channels, out_channels, group=False)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.change(torch.cat([self.enlarge(x), self.skip(skip)], dim=1))
        summed: Tensor = x + self.refine(x)
        return summed


class _Reflected(nn.Conv2d):
    """A convolution that mirrors its surroundings, and repeats them where there is nothing to mirror."""

    def forward(self, x: Tensor) -> Tensor:
        mode = "reflect" if min(x.shape[-2:]) > 1 else "replicate"
        return functional.conv2d(
            functional.pad(x, (1, 1, 1, 1), mode), self.weight, self.bias, self.stride
        )


def _conv(
    in_channels: int, out_channels: int, *, group: bool, kernel_px: int = 3, stride: int = 1
) -> nn.Sequential:
    convolution = _Reflected(in_channels, out_channels, kernel_px, stride=stride)
    nn.init.xavier_normal_(convolution.weight)
    norm = nn.GroupNorm(_GROUPS, out_channels) if group else nn.BatchNorm2d(out_channels)
    return nn.Sequential(convolution, norm, nn.ReLU(inplace=True))
