"""Between the file and the network: indices, quality masks, normalisation, augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .augment import AUGMENTATIONS as AUGMENTATIONS
    from .augment import FullCopies as FullCopies
    from .augment import augment_array as augment_array
    from .augment import augment_sample as augment_sample
    from .augmentation import Augmentation as Augmentation
    from .augmentation import drawn_by_torch as drawn_by_torch
    from .clouds import cloud_mask as cloud_mask
    from .encode import EncodeClasses as EncodeClasses
    from .indices import AppendIndex as AppendIndex
    from .indices import SpectralIndex as SpectralIndex
    from .indices import compute_index as compute_index
    from .indices import evi as evi
    from .indices import evi2 as evi2
    from .indices import get_index as get_index
    from .indices import list_indices as list_indices
    from .indices import ndvi as ndvi
    from .indices import register_index as register_index
    from .normalize import Normalization as Normalization
    from .normalize import fit_normalization as fit_normalization
    from .normalize import list_normalizations as list_normalizations
    from .normalize import register_normalization as register_normalization
    from .statistics import sample_statistics as sample_statistics
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".augment": ["AUGMENTATIONS", "FullCopies", "augment_array", "augment_sample"],
            ".augmentation": ["Augmentation", "drawn_by_torch"],
            ".clouds": ["cloud_mask"],
            ".encode": ["EncodeClasses"],
            ".indices": [
                "AppendIndex",
                "SpectralIndex",
                "compute_index",
                "evi",
                "evi2",
                "get_index",
                "list_indices",
                "ndvi",
                "register_index",
            ],
            ".normalize": [
                "Normalization",
                "fit_normalization",
                "list_normalizations",
                "register_normalization",
            ],
            ".statistics": ["sample_statistics"],
        },
    )
