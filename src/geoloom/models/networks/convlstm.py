"""ConvLSTM: a memory per pixel and its surroundings, updated date by date.

Legend: B batch, T dates, C bands, D channels of the state, K outputs, H rows, W columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..layers.series import check_series


class ConvLSTM(nn.Module):
    """Convolutional LSTM layers over the dates, and scores of the last state.

    Where a pixel of a date was not observed, its state stays as it was.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        hidden: Channels of the state.
        layers: One above the other.
        kernel_px: Side of the convolutions, odd.
        peepholes: Gates also see the cell's state, one weight per channel (the paper has one per place, which
            would fix the image's size).

    Source:
        Shi et al. 2015, arXiv 1506.04214, equation 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        hidden: int = 64,
        layers: int = 1,
        kernel_px: int = 3,
        peepholes: bool = False,
    ) -> None:
        super().__init__()
        inputs = [in_channels, *[hidden] * (layers - 1)]
        self.cells = nn.ModuleList(_Cell(i, hidden, kernel_px, peepholes) for i in inputs)
        self.score = nn.Conv2d(hidden, out_channels, 1)

    def forward(self, image: Tensor, valid_series: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W).

        Args:
            image: float32 (B, T, C, H, W), in the order of time.
            valid_series: bool (B, T, H, W), True = observed.
        """
        check_series(image, "BTCHW")
        series = list(image.unbind(1))
        seen = list(valid_series.unsqueeze(2).unbind(1))
        for cell in self.cells:
            series = cell(series, seen)
        answers: Tensor = self.score(series[-1])
        return answers


class _Cell(nn.Module):
    def __init__(self, in_channels: int, hidden: int, kernel_px: int, peepholes: bool) -> None:
        super().__init__()
        self.hidden = hidden
        self.gates = nn.Conv2d(in_channels + hidden, 4 * hidden, kernel_px, padding=kernel_px // 2)
        self.peepholes = nn.Parameter(torch.zeros(3, hidden, 1, 1)) if peepholes else None

    def forward(self, series: list[Tensor], seen: list[Tensor]) -> list[Tensor]:
        """The state (B, D, H, W) after each date."""
        batch, _, height, width = series[0].shape
        state = series[0].new_zeros(batch, self.hidden, height, width)
        cell, states = state, []
        for image, valid in zip(series, seen, strict=True):
            enter, forget, leave, new = self.gates(torch.cat([image, state], dim=1)).chunk(4, dim=1)
            if self.peepholes is not None:
                enter = enter + self.peepholes[0] * cell
                forget = forget + self.peepholes[1] * cell
            after = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
            if self.peepholes is not None:
                leave = leave + self.peepholes[2] * after
            state = torch.where(valid, leave.sigmoid() * after.tanh(), state)
            cell = torch.where(valid, after, cell)
            states.append(state)
        return states
