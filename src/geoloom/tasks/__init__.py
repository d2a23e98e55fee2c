"""Training: Lightning modules, samples as batches, and the verb `train`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .base import Task as Task
    from .data.chip_data import ChipDataModule as ChipDataModule
    from .data.geo_data import GeoDataModule as GeoDataModule
    from .data.sample_data import SampleDataModule as SampleDataModule
    from .history import Epoch as Epoch
    from .registry import get_task as get_task
    from .registry import list_tasks as list_tasks
    from .registry import register_task as register_task
    from .schedule import Schedule as Schedule
    from .supervised.classification import ClassificationTask as ClassificationTask
    from .supervised.pixel_regression import PixelRegressionTask as PixelRegressionTask
    from .supervised.segmentation import SegmentationTask as SegmentationTask
    from .training.config import TrainConfig as TrainConfig
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".base": ["Task"],
            ".data.chip_data": ["ChipDataModule"],
            ".data.geo_data": ["GeoDataModule"],
            ".data.sample_data": ["SampleDataModule"],
            ".history": ["Epoch"],
            ".registry": ["get_task", "list_tasks", "register_task"],
            ".schedule": ["Schedule"],
            ".supervised.classification": ["ClassificationTask"],
            ".supervised.pixel_regression": ["PixelRegressionTask"],
            ".supervised.segmentation": ["SegmentationTask"],
            ".training.config": ["TrainConfig"],
        },
    )
