"""Lightweight temporal attention (L-TAE): one learned query per head over the dates of a series.

Legend: N series, T dates, C channels, D model width, G heads, E channels of a key, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from ...core.errors import ModelError
from .series import day_encoding

_MASKED = -1e3
"""Score of a date that is not there: after the softmax nothing, yet finite where no date is."""


class TemporalAttention(nn.Module):
    """From a series of feature vectors to one, and the attention of each head to each date.

    Every date is normalised by itself, so that dates that only fill a series up change nothing.

    Args:
        in_channels: C.
        out_channels: Widths of the perceptron after the attention, the last is that of the features.
        heads: G, of which each looks at its own share of the D channels.
        key_channels: E.
        model_channels: D, a multiple of G.
        dropout: Chance that a feature is left out of a training step.
        attention_dropout: Chance that a date is left out of a head's attention.
        norm: `layer` over all channels of a date, or `group` over those of each head, before and after.
        embedding_dates: Normalise the embedded series as a whole, over channels and exactly so many dates,
            as the authors' first program does; None normalises each date.
        embedding_norm: Whether the embedding is normalised at all (L-TAE), or not (in U-TAE).
        day_zero: Days from 1970-01-01 to day zero of the positions.
        period: Of the positions, days.

    Source:
        Garnot and Landrieu 2020, arXiv 2007.00586, section 3; in U-TAE, arXiv 2107.07933, section 3.2.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: Sequence[int],
        *,
        heads: int,
        key_channels: int,
        model_channels: int = 256,
        dropout: float = 0.2,
        attention_dropout: float = 0.1,
        norm: Literal["layer", "group"],
        embedding_dates: int | None = None,
        embedding_norm: bool = True,
        day_zero: int = 0,
        period: float = 1000.0,
    ) -> None:
        super().__init__()
        if (
            model_channels % heads
            or out_channels[-1] % heads
            or (norm == "group" and in_channels % heads)
        ):
            raise ModelError(
                f"{heads} heads do not divide {in_channels}, {model_channels} and {out_channels[-1]} channels"
                "; choose another number of heads, or another width"
            )
        self.heads, self.key_channels = heads, key_channels
        self.model_channels, self.day_zero, self.period = model_channels, day_zero, period
        self.norm_in = _norm(norm, heads, in_channels)
        self.embed = nn.Linear(in_channels, model_channels)
        shape = [model_channels] if embedding_dates is None else [embedding_dates, model_channels]
        self.norm_embedded = nn.LayerNorm(shape) if embedding_norm else nn.Identity()
        self.query = nn.Parameter(torch.empty(heads, key_channels))
        self.key = nn.Linear(model_channels, heads * key_channels)
        for weight in (self.query, self.key.weight):
            nn.init.normal_(weight, std=(2 / key_channels) ** 0.5)
        self.attention_dropout = nn.Dropout(attention_dropout)
        widths = [model_channels, *out_channels]
        self.perceptron = nn.Sequential(*(_layer(i, o) for i, o in pairwise(widths)))
        self.dropout = nn.Dropout(dropout)
        self.norm_out = _norm(norm, heads, out_channels[-1])

    def forward(
        self, series_NTC: Tensor, times_NT: Tensor, observed_NT: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features (N, F) and attention (N, G, T), which sums to 1 over the dates.

        Args:
            series_NTC: float32.
            times_NT: float64, seconds since 1970 UTC; NaN = unknown, a date without a position.
            observed_NT: bool; other dates get no attention.
        """
        series, dates = series_NTC.shape[:2]
        x = self.norm_in(series_NTC.flatten(0, 1)).unflatten(0, (series, dates))
        x = self.norm_embedded(self.embed(x))
        share = self.model_channels // self.heads
        position = day_encoding(times_NT, self.day_zero, share, self.period).to(x.dtype)
        x = x + position.repeat(1, 1, self.heads)
        keys = self.key(x).unflatten(-1, (self.heads, self.key_channels))
        scores = torch.einsum("ntge,ge->ngt", keys, self.query) / self.key_channels**0.5
        scores = scores.masked_fill(~observed_NT[:, None], _MASKED)
        attention = scores.softmax(dim=-1)
        # Values are the channels themselves, each head's its own.
        values = x.unflatten(-1, (self.heads, share))
        seen = torch.einsum("ngt,ntgd->ngd", self.attention_dropout(attention), values)
        features = self.norm_out(self.dropout(self.perceptron(seen.flatten(1))))
        return features, attention


def _norm(kind: Literal["layer", "group"], heads: int, channels: int) -> nn.Module:
    return nn.LayerNorm(channels) if kind == "layer" else nn.GroupNorm(heads, channels)


def _layer(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_channels, out_channels), nn.BatchNorm1d(out_channels), nn.ReLU(inplace=True)
    )
