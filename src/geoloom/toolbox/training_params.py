"""The paper's params of a training, as the settings of `geoloom.train`."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..chips.store import ChipStore
from ..core.errors import ConfigError
from ..tasks.training.config import TrainConfig
from ..transforms.augment import AUGMENTATIONS, check_augmentations
from .params import check_keys

log = logging.getLogger(__name__)

_RENAMED = {"dropout_rate": "dropout", "loss_func": "loss", "l2_reg_rate": "weight_decay"}
_SETTINGS = tuple(field.name for field in fields(TrainConfig) if field.name != "model")
"""Every setting of a training under its own name, but the network, which the builder has."""
_DECAY = ("learning_rate_decay", "decay_rate", "decay_steps")
_AUGMENT = ("data_aug_ops", "data_aug_per_chip")
_CHECKED = ("chip_size", "bands", "num_classes", "class_names")
_NOTES = ("network", "Notes", "shape", "number_of_chips", "chips_tensorboard", "bands_plot")
_SINGLE = {
    "fusion": ("none", "networks that fuse dates are chosen by name: ModelBuilder(name)"),
    "num_compositions": (1, "stack the dates into one image with stack_temporal_images"),
    "num_masks": (0, "no network takes auxiliary masks; stack them as bands"),
    "var_scale_factor": (2.0, "networks are initialised as He et al. 2015 do, which is 2.0"),
}
_LOSS_NAMES = {"weighted_bin_cross_entropy": "weighted_cross_entropy"}

LEAST_PATIENCE = 10
"""Epochs."""

KEYS = (
    *_SETTINGS, *_RENAMED, "learning_rate_decay", *_AUGMENT, *_CHECKED, *_NOTES, *_SINGLE, "filter_reduction",
)  # fmt: skip
"""All keys that a params dict may have."""


def training_settings(params: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of `train` that say what a params dict says.

    A setting of `TrainConfig` may be given under its own name as well, in place of the paper's.
    `data_aug_ops` adds a full copy of the chips for each operation, as in the paper; with
    `data_aug_per_chip` = n, n of the operations are chosen at random for the run. The learning rate decays
    exponentially (`decay_rate`, `decay_steps`) unless `learning_rate_decay` is False or `schedule` names
    another of the schedules of `train`. `l2_reg_rate` is the weight decay. `filter_reduction` = n makes the
    network's width 1/n. `early_stopping` is how many epochs to wait for a better score before the training
    ends: a twentieth of `epochs`, at least `LEAST_PATIENCE`, unless given. What only described the run or
    its display (`Notes`, `chips_tensorboard`, ...) is taken and has no effect.

    Raises:
        ConfigError: a key is unknown (the nearest is named), or asks for what is not there.

    Example:
        >>> training_settings({"epochs": 3, "dropout_rate": 0.2})
        {'augment': (), 'epochs': 3, 'dropout': 0.2, 'schedule': 'exponential', 'early_stopping': 10}
    """
    given = check_keys(params, KEYS, where="params")
    for key, (only, advice) in _SINGLE.items():
        if given.get(key, only) not in (only, str(only)):
            raise ConfigError(
                f"params[{key!r}] is {given[key]!r}, only {only!r} is possible: {advice}"
            )
    for key in _NOTES:
        if key in given and key != "network":
            log.info("params[%r] describes the run and has no effect", key)
    settings: dict[str, Any] = _augmentation(given)
    settings |= {key: given[key] for key in _SETTINGS if key in given}
    for key, name in _RENAMED.items():
        if key in given:
            if name in settings:
                raise ConfigError(
                    f"params has both {key!r} and {name!r}, which say the same; give one"
                )
            settings[name] = given[key]
    if "loss" in settings:
        settings["loss"] = _LOSS_NAMES.get(settings["loss"], settings["loss"])
    if "l2_reg_rate" in given:
        log.info("params['l2_reg_rate'] is the weight decay; in DeepGeo's code it had no effect")
    settings |= _decay(given)
    if "epochs" in given:
        settings.setdefault("early_stopping", max(LEAST_PATIENCE, int(given["epochs"]) // 20))
    if "filter_reduction" in given:
        if "width" in given:
            raise ConfigError("params has both 'filter_reduction' and 'width'; give one")
        settings["width"] = 1.0 / float(given["filter_reduction"])
    if "class_weights" in given:
        settings["class_weights"] = _class_weights(given["class_weights"])
    return settings


def check_chips(params: Mapping[str, Any], store: ChipStore) -> None:
    """Refuse params that describe other chips than those given.

    Raises:
        ConfigError: size, bands or classes differ.
    """
    classes = store.classes.names if store.classes is not None else ()
    sizes: dict[str, tuple[Any, ...]] = {
        "chip_size": (store.size, list(store.size), store.size[0]),
        "bands": (store.channels, list(store.band_names), list(range(store.channels))),
        # DeepGeo counted its "no data" as a class.
        "num_classes": (len(classes), len(classes) + 1),
        "class_names": (list(classes), tuple(classes)),
    }
    for key, right in sizes.items():
        value = params.get(key, right[0])
        if key == "class_names":
            value = [
                name for name in value if str(name).lower() not in ("no_data", "no data", "nodata")
            ]
        if value not in right:
            raise ConfigError(
                f"params[{key!r}] is {params[key]!r}, but the chips have {right[0]!r}"
            )


def _augmentation(given: Mapping[str, Any]) -> dict[str, Any]:
    """As DeepGeo has it: none unless asked for, and then as full copies."""
    if "augment" in given:
        if any(key in given for key in _AUGMENT):
            raise ConfigError("params has both 'augment' and the keys of data_aug_ops; give one")
        return {}
    names = check_augmentations(tuple(given.get("data_aug_ops", ()) or ()))
    if "data_aug_per_chip" in given and names:
        count = int(given["data_aug_per_chip"])
        if not 0 < count <= len(names):
            raise ConfigError(
                f"data_aug_per_chip is {count}; choose from 1 to {len(names)} operations"
            )
        chosen = random.Random(int(given.get("seed", 0))).sample(names, count)
        names = tuple(name for name in AUGMENTATIONS if name in chosen)
    return {"augment": names, **({"augment_mode": "copies"} if names else {})}


def _decay(given: Mapping[str, Any]) -> dict[str, Any]:
    decays = any(key in given for key in _DECAY)
    if "schedule" in given:
        if decays:
            raise ConfigError(
                "params has both 'schedule' and the keys of exponential decay; give one"
            )
        return {}
    if not given.get("learning_rate_decay", True):
        return {"schedule": "constant"}
    rest = {key: given[key] for key in ("decay_rate", "decay_steps") if key in given}
    return {"schedule": "exponential", **rest}


def _class_weights(value: Any) -> Any:
    """DeepGeo gave one list for training and one for evaluation, where weights have no place."""
    if isinstance(value, Mapping):
        check_keys(value, ("train", "eval"), where="params['class_weights']")
        value = value.get("train")
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, Sequence):
        raise ConfigError(
            f"class_weights is {value!r}; expected one number per class, or a rule's name"
        )
    return [float(weight) for weight in value]
