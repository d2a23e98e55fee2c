"""What every dataset can do: answer a query, say where it has data, and compose."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from torch.utils.data import Dataset

from ..core.bands import Band
from ..core.classes import Classes
from ..core.errors import DatasetError, QueryError
from ..core.hints.attributes import HintsAttributes
from ..core.hints.keys import keyed
from ..core.hints.torchgeo import OF_LAYER_ATTRIBUTES
from ..core.interval import Interval
from ..core.query import Query, Sample
from ..core.registry import Registry
from .contents import Contents
from .options import Layer as Layer
from .options import refuse_overrides, require_callable
from .query_checks import as_query, extent_text, near_region
from .reading.calibration import Calibration
from .reading.read_plan import Plan, answered, fulfil
from .reading.sample import picked
from .region import Region, describe_regions

if TYPE_CHECKING:
    from .time.pairing import Rule
    from .time.steps import Steps

Transform = Callable[[Sample], Sample]

_OPERATORS: Registry[Callable[..., GeoDataset]] = Registry(
    "operator",
    {
        "intersection": "geoloom.datasets.intersect:intersection",
        "union": "geoloom.datasets.unite:union",
        "series": "geoloom.datasets.series:SeriesDataset",
    },
)
"""What makes the datasets that `&`, `|` and `series` give: by name, as these are built on the base."""


class GeoDataset(Contents, HintsAttributes, Dataset[Sample]):
    """Layers of the Earth that answer queries.

    `dataset[query]` gives a `Sample` on exactly the query's grid. `a & b` holds what lies in both, `a | b`
    what lies in either. A dataset never changes: what alters it returns another one. Two datasets that
    were made with the same options and found the same files are equal.

    A torch `Dataset` by type, asked by place and not by number: a `DataLoader` takes it with a sampler. What
    a subclass does to samples is written as `transforms`, which every way of asking goes through.

    Raises:
        DatasetError: when a subclass is defined that overrides `__getitem__`, `__getitems__` or `answer`.
    """

    attribute_hints = OF_LAYER_ATTRIBUTES
    _transforms: Transform | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_overrides(
            cls,
            GeoDataset,
            ("__getitem__", "__getitems__", "answer"),
            "batches, & and | read past it (by plan), so that it would hold for single samples alone; write "
            "it as a function from sample to sample, and give that as transforms=, from inside the class as "
            "super().__init__(..., transforms=function)",
        )

    @property
    @abstractmethod
    def bands(self) -> tuple[Band, ...]:
        """Of the image, in channel order; of the mask or the values, where there is no image."""

    @property
    @abstractmethod
    def layers(self) -> frozenset[Layer]:
        """Which tensors a sample holds."""

    @property
    def classes(self) -> Classes | None:
        """What the mask's codes mean, after transforms that say so; None where unknown or without a mask.

        A transform that gives other codes, such as `EncodeClasses`, says so by an attribute `classes`.
        """
        given = getattr(self._transforms, "classes", None)
        return given if isinstance(given, Classes) else self._stored_classes()

    def _stored_classes(self) -> Classes | None:
        """What the mask's codes mean before transforms."""
        return None

    @abstractmethod
    def _find_regions(self) -> tuple[Region, ...]:
        """Where and when there is data, scene by scene."""

    @abstractmethod
    def _identity(self) -> Hashable:
        """What distinguishes this dataset from another."""

    def _found_as(self, other: Self) -> bool:
        """Whether another dataset of the same identity found the same: files change between two looks."""
        return True

    @abstractmethod
    def _read(self, query: Query, channels: tuple[int, ...] | None) -> Sample | None:
        """The answer with the channels wanted (None: all); None where nothing lies near the query."""

    def _moments(self, queries: Sequence[Query]) -> list[tuple[Interval, ...]]:
        """Times of the data near each query that answer it, each once, oldest first."""
        return [
            tuple(
                sorted(
                    {m for r in self.regions if near_region(r, q) for m in r.times if q.takes(m)}
                )
            )
            for q in queries
        ]

    def sample_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """The type in which samples hold a layer, the same for all; no file is opened to find out.

        Args:
            layer: Of which tensor.

        Returns:
            None where the samples alone tell: after transforms, and where the dataset has no such layer.
        """
        return None

    def file_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """The type in which the files hold a layer whose values are given as they are; None where they are
        altered or made.

        Samples hold uint16 images as float32 and masks as int64, which is two and eight times as much as the
        files need. Judged by the first scene where scenes do not say how they are stored.

        Args:
            layer: Of which tensor.
        """
        return None

    def _calibrations(self) -> tuple[Calibration, ...]:
        """What is still to be applied to each channel of the image."""
        return (None,) * len(self.bands) if "image" in self.layers else ()

    def _as_scaled(self) -> GeoDataset:
        """The same dataset, which applies scale and offset as it reads.

        Raises:
            DatasetError: transforms see the values before that, or it reads nothing that could be scaled.
        """
        if "image" not in self.layers:
            return self
        raise DatasetError(
            f"{self!r} has transforms or images of its own making, which would be scaled after the event; "
            "make the rasters that it reads with scaled=True instead"
        )

    @property
    def _puts_newest_first(self) -> bool:
        """Whether, asked for several moments at once, it composes as if they were asked for one by one,
        the newest first."""
        return False

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """Where and when there is data, scene by scene; samplers draw from these."""
        return self._find_regions()

    @property
    def crs(self) -> CRS:
        """The common CRS where one was asked for, else the first scene's."""
        return self.regions[0].crs

    @property
    def res(self) -> tuple[float, float] | None:
        """Pixel size (x, y) of the common grid, else of the first scene; None for a vector layer."""
        frame = self.regions[0].frame
        return None if frame is None else (abs(frame.resolution.x), abs(frame.resolution.y))

    @property
    def transforms(self) -> Transform | None:
        """What is done to each sample before it is given."""
        return self._transforms

    def with_transforms(self, transforms: Transform | None) -> GeoDataset:
        """The same dataset, whose samples pass through `transforms`.

        Raises:
            DatasetError: they cannot be called.
        """
        require_callable(transforms)
        other = copy(self)
        other._transforms = transforms
        return other

    def warm_up(self) -> None:
        """Load the compiled loops that batches will need, a good half second a process.

        `geoloom.loader` does it before the first batch, and before workers are forked, which inherit them.
        """

    def as_stored(self) -> GeoDataset:
        """The same dataset, whose samples hold values in the types of the files, uint16 and uint8 masks too.

        For batches that are converted on the device they go to, see `to_device`. Parts that alter values
        (by transforms, scaling or another dtype) or make them (vector layers) stay as they are.
        """
        return self

    def _plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None
    ) -> list[Plan | None]:
        """The answers of `_read`, prepared for a whole batch; None where nothing lies near a query."""
        return [Plan((), partial(self._read, query, channels)) for query in queries]

    def plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None = None
    ) -> list[Plan | None]:
        """What must be read for a batch; `fulfil` reads it.

        Args:
            queries: Where and when.
            channels: Which channels of the image, 0-based; None means all.

        Returns:
            A plan a query, in order, whose sample is transformed; None where nothing lies near the query.
        """
        if self._transforms is None:
            return self._plan(queries, channels)
        plans = self._plan(queries, None)
        return [
            None
            if plan is None
            else Plan(plan.orders, partial(self._altered, plan, channels), describe=plan.reads)
            for plan in plans
        ]

    def _altered(self, plan: Plan, channels: tuple[int, ...] | None) -> Sample | None:
        sample = plan.finish()
        if sample is None or self._transforms is None:
            return sample
        altered: object = self._transforms(sample)
        if not isinstance(altered, Mapping):
            raise DatasetError(
                f"the transform {self._transforms!r} gave {type(altered).__name__} for a sample; let it "
                "return the sample, a dict"
            )
        return picked(altered, channels)  # type: ignore[arg-type]  # a sample's keys are all optional

    def answer(self, query: Query, channels: tuple[int, ...] | None = None) -> Sample | None:
        """The sample, transformed, or None where nothing lies near the query.

        Args:
            query: Where and when.
            channels: Which channels of the image, 0-based; None means all.
        """
        return answered(self.plan([query], channels)[0])

    def __getitem__(self, query: Query | GeoBox) -> Sample:
        """The sample on exactly the query's grid.

        Raises:
            QueryError: nothing lies there and then; the message says where there is data.
        """
        query = as_query(query)
        sample = self.answer(query)
        if sample is None:
            raise self._nothing_at(query)
        answered: Sample = keyed(sample)
        return answered

    def __getitems__(self, queries: Sequence[Query | GeoBox]) -> list[Sample]:
        """The samples of a batch, read together by threads; a `DataLoader` asks for batches through this.

        Guarantee: equal, bit for bit, to asking for one after the other. Samples of one shape lie behind
        one another in memory, so that `collate` need not copy them.

        Raises:
            QueryError: nothing lies at one of the queries; the message names it.
        """
        asked = [as_query(query) for query in queries]
        plans = self.plan(asked)
        for query, plan in zip(asked, plans, strict=True):
            if plan is None:
                raise self._nothing_at(query)
        fulfil(plans, threads=1 if _in_worker() else None)
        samples: list[Sample] = []
        for query, plan in zip(asked, plans, strict=True):
            sample = None if plan is None else plan.finish()
            if sample is None:
                raise self._nothing_at(query)
            samples.append(keyed(sample))
        return samples

    def _nothing_at(self, query: Query) -> QueryError:
        during = "" if query.when == Interval.always() else f" during {query.when}"
        return QueryError(f"nothing at {extent_text(query.grid)}{during}; {self._where_text()}")

    def __len__(self) -> int:
        """Number of scenes (regions)."""
        return len(self.regions)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GeoDataset):
            return NotImplemented
        if self is other or type(self) is not type(other):
            return self is other
        asked_alike = (
            self._identity() == other._identity() and self._transforms == other._transforms
        )
        return bool(asked_alike and self._found_as(other))

    def __hash__(self) -> int:
        # Without the transforms, which need not have a hash, and without what was found, which may be large.
        return hash((type(self), self._identity()))

    def __add__(self, other: object) -> NoReturn:
        raise DatasetError(
            "datasets are not added: a | b holds what lies in either, a & b what lies in both"
        )

    def __and__(self, other: GeoDataset) -> GeoDataset:
        """What lies in both, layer upon layer; see `IntersectionDataset`. `a & a` is `a`."""
        if not isinstance(other, GeoDataset):
            return NotImplemented
        return _OPERATORS.get("intersection")(self, other)

    def __or__(self, other: GeoDataset) -> GeoDataset:
        """What lies in either; see `UnionDataset`. `a | a` is `a`."""
        if not isinstance(other, GeoDataset):
            return NotImplemented
        return _OPERATORS.get("union")(self, other)

    def paired(self, other: GeoDataset, pairing: Rule, *, days: float | None = None) -> GeoDataset:
        """What lies in both, its times paired by a rule; see `IntersectionDataset`.

        Args:
            other: Layers to come beside these.
            pairing: `overlap`, `same_year`, `nearest` or `static`; see `Pairing`.
            days: Of `nearest`: the longest time between the two.

        Raises:
            DatasetError: they never meet, or days are missing or out of place.
        """
        from .time.pairing import Pairing

        return _OPERATORS.get("intersection")(self, other, pairing=Pairing(pairing, days))

    def series(self, steps: Steps | None = None, *, min_dates: int | None = None) -> GeoDataset:
        """The dates under each query as one sample, (T, C, H, W) in the order of time; see `SeriesDataset`.

        Args:
            steps: `EveryDate` (the default), `FixedSteps` or `NearestDates`.
            min_dates: Dates at which a valid pixel is observed. Default: all.

        Raises:
            DatasetError: the data has no dates, or none that the steps take.
        """
        return _OPERATORS.get("series")(self, steps, min_dates=min_dates)

    def _where_text(self) -> str:
        return f"the dataset holds {describe_regions(self.regions)}"


def _in_worker() -> bool:
    """Whether this is a loader's worker process, beside which others already use the processors."""
    from torch.utils.data import get_worker_info

    return get_worker_info() is not None
