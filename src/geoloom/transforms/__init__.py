"""Between the file and the network: indices, quality masks, normalisation, augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .augment import FullCopies as FullCopies
    from .augment import augment_array as augment_array
    from .augment import augment_sample as augment_sample
    from .augmentation import Augmentation as Augmentation
    from .augmentation import drawn_by_torch as drawn_by_torch
    from .augmentations.geometry import Affine as Affine
    from .augmentations.geometry import Elastic as Elastic
    from .augmentations.geometry import ResizedCrop as ResizedCrop
    from .augmentations.geometry import Rotate as Rotate
    from .augmentations.jitter import Jitter as Jitter
    from .augmentations.mixing import CutMix as CutMix
    from .augmentations.mixing import MixUp as MixUp
    from .augmentations.radiometry import Blur as Blur
    from .augmentations.radiometry import ChannelDropout as ChannelDropout
    from .augmentations.radiometry import Erase as Erase
    from .augmentations.radiometry import GainOffset as GainOffset
    from .augmentations.radiometry import Grey as Grey
    from .augmentations.radiometry import Noise as Noise
    from .augmentations.registry import list_augmentations as list_augmentations
    from .augmentations.registry import make_augmentation as make_augmentation
    from .augmentations.registry import register_augmentation as register_augmentation
    from .augmentations.symmetry import Symmetries as Symmetries
    from .augmentations.symmetry import Symmetry as Symmetry
    from .clouds import cloud_mask as cloud_mask
    from .decibels import ToPowerUnit as ToPowerUnit
    from .decibels import to_decibels as to_decibels
    from .decibels import to_linear as to_linear
    from .encode import EncodeClasses as EncodeClasses
    from .index_functions import AppendBNDVI as AppendBNDVI
    from .index_functions import AppendEVI as AppendEVI
    from .index_functions import AppendEVI2 as AppendEVI2
    from .index_functions import AppendGBNDVI as AppendGBNDVI
    from .index_functions import AppendGNDVI as AppendGNDVI
    from .index_functions import AppendGRNDVI as AppendGRNDVI
    from .index_functions import AppendMNDWI as AppendMNDWI
    from .index_functions import AppendMSAVI as AppendMSAVI
    from .index_functions import AppendNBR as AppendNBR
    from .index_functions import AppendNDBI as AppendNDBI
    from .index_functions import AppendNDRE as AppendNDRE
    from .index_functions import AppendNDSI as AppendNDSI
    from .index_functions import AppendNDVI as AppendNDVI
    from .index_functions import AppendNDWI as AppendNDWI
    from .index_functions import AppendRBNDVI as AppendRBNDVI
    from .index_functions import AppendSAVI as AppendSAVI
    from .index_functions import AppendSWI as AppendSWI
    from .index_functions import bndvi as bndvi
    from .index_functions import evi as evi
    from .index_functions import evi2 as evi2
    from .index_functions import gbndvi as gbndvi
    from .index_functions import gndvi as gndvi
    from .index_functions import grndvi as grndvi
    from .index_functions import mndwi as mndwi
    from .index_functions import msavi as msavi
    from .index_functions import nbr as nbr
    from .index_functions import ndbi as ndbi
    from .index_functions import ndre as ndre
    from .index_functions import ndsi as ndsi
    from .index_functions import ndvi as ndvi
    from .index_functions import ndwi as ndwi
    from .index_functions import rbndvi as rbndvi
    from .index_functions import savi as savi
    from .index_functions import swi as swi
    from .index_functions import tasselled_cap as tasselled_cap
    from .index_table import TASSELLED_CAPS as TASSELLED_CAPS
    from .index_table import SpectralIndex as SpectralIndex
    from .indices import AppendIndex as AppendIndex
    from .indices import compute_index as compute_index
    from .indices import get_index as get_index
    from .indices import list_indices as list_indices
    from .indices import register_index as register_index
    from .normalize import Normalization as Normalization
    from .normalize import fit_normalization as fit_normalization
    from .normalize import list_normalizations as list_normalizations
    from .normalize import register_normalization as register_normalization
    from .speckle import Lee as Lee
    from .speckle import lee as lee
    from .speckle import make_speckle_filter as make_speckle_filter
    from .statistics import sample_statistics as sample_statistics
    from .symmetries import AUGMENTATIONS as AUGMENTATIONS
    from .symmetries import SYMMETRIES as SYMMETRIES
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".augment": ["FullCopies", "augment_array", "augment_sample"],
            ".augmentation": ["Augmentation", "drawn_by_torch"],
            ".augmentations.geometry": ["Affine", "Elastic", "ResizedCrop", "Rotate"],
            ".augmentations.jitter": ["Jitter"],
            ".augmentations.mixing": ["CutMix", "MixUp"],
            ".augmentations.radiometry": [
                "Blur",
                "ChannelDropout",
                "Erase",
                "GainOffset",
                "Grey",
                "Noise",
            ],
            ".augmentations.registry": [
                "list_augmentations",
                "make_augmentation",
                "register_augmentation",
            ],
            ".augmentations.symmetry": ["Symmetries", "Symmetry"],
            ".clouds": ["cloud_mask"],
            ".decibels": ["ToPowerUnit", "to_decibels", "to_linear"],
            ".encode": ["EncodeClasses"],
            ".index_functions": [
                "AppendBNDVI",
                "AppendEVI",
                "AppendEVI2",
                "AppendGBNDVI",
                "AppendGNDVI",
                "AppendGRNDVI",
                "AppendMNDWI",
                "AppendMSAVI",
                "AppendNBR",
                "AppendNDBI",
                "AppendNDRE",
                "AppendNDSI",
                "AppendNDVI",
                "AppendNDWI",
                "AppendRBNDVI",
                "AppendSAVI",
                "AppendSWI",
                "bndvi",
                "evi",
                "evi2",
                "gbndvi",
                "gndvi",
                "grndvi",
                "mndwi",
                "msavi",
                "nbr",
                "ndbi",
                "ndre",
                "ndsi",
                "ndvi",
                "ndwi",
                "rbndvi",
                "savi",
                "swi",
                "tasselled_cap",
            ],
            ".index_table": ["TASSELLED_CAPS", "SpectralIndex"],
            ".indices": [
                "AppendIndex",
                "compute_index",
                "get_index",
                "list_indices",
                "register_index",
            ],
            ".normalize": [
                "Normalization",
                "fit_normalization",
                "list_normalizations",
                "register_normalization",
            ],
            ".speckle": ["Lee", "lee", "make_speckle_filter"],
            ".statistics": ["sample_statistics"],
            ".symmetries": ["AUGMENTATIONS", "SYMMETRIES"],
        },
    )
