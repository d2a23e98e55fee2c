"""The settings of a training: declared here alone, checked before any work and kept with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal, TypedDict, get_args

from ...core.errors import ConfigError
from ...core.settings.checks import check_choice, check_positive, check_share, check_whole
from ...core.settings.configs import GivenSettings
from ...losses.pixel import cross_entropy
from ...losses.registry import check_loss, full_name
from ...losses.summed import Loss
from ...losses.weights import check_weight_rule
from ...models.adapt import Missing
from ...models.device import DeviceCount
from ...models.pretrained.find import find_weights
from ...models.pretrained.inputs import AS_PRETRAINED
from ...models.pretrained.table import PretrainedWeights
from ...models.registry import check_options, model_options
from ...transforms.augment import chosen_augmentations
from ...transforms.normalize import list_normalizations
from ..data.chip_data import AugmentMode
from ..registry import get_task
from ..schedule import Schedule, ScheduleName

ClassWeights = str | Sequence[float] | None
"""A rule of `class_weights`, or one number for each class or value."""
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Recipe = Literal["auto", "few_labels", "none"]
Kept = Literal["best", "last"]

_IN_OPTIONS = ("width", "dropout")
"""Settings that are options of the network, written for themselves as nearly all networks have them."""
_NOT_RECORDED = (*_IN_OPTIONS, "device", "devices")
"""What `options` says already, and what changes how the work is done, not what comes of it."""
_MANY = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig(GivenSettings):
    """What is learned, by which network, how, and from what it sees of the samples.

    `given` names the settings that were given, whatever their values; all others have their defaults. Python,
    the command line and project files each hand over nothing but what the user wrote.

    Raises:
        ConfigError: a value cannot be, or two do not go together; the message names the setting.
        ModelError: the network or one of its options is unknown.

    Example:
        >>> sorted(TrainConfig(epochs=50, jitter=0.2).given)
        ['epochs', 'jitter']
    """

    task: str | None = None
    """What is learned, one of `list_tasks()`. None takes what the labels are: `segmentation` for classes of
    pixels, `classification` for those of images, `pixel_regression` for values of pixels."""
    model: str = "unet"
    """The network, one of `list_models()`."""
    width: float | None = None
    """Multiplies the network's channels; None takes the network's own default."""
    dropout: float | None = None
    """Chance that a channel of the deepest layers is left out of a step; None as for `width`."""
    options: Mapping[str, Any] | None = None
    """Further options of the network."""
    weights: str | None = None
    """What the network begins with: one of `list_weights()`, `imagenet` or timm's full name of weights,
    fetched once; or a model folder or a file of weights of such a network. None for random weights. Weights
    by name and model folders bring their network and its options, where `model` is left out, and the
    normalisation that they were trained with, where `normalize` is."""
    missing_bands: Missing = "mean"
    """What a band gets that the weights do not know, see `create_model`."""
    weights_bands: Sequence[str] | None = None
    """What the filters of a file of weights are of, such as `("red", "green", "blue")`; None: of the bands of
    the samples. Model folders and weights by name know it."""
    size: int | None = None
    """Of a folder of pictures: resize each to a square of this side, pixels, here and wherever the model is
    used. None: at their own size; where they have several, cut and padded to the most frequent."""
    epochs: int = 50
    """Passes over the samples."""
    batch_size: int = 16
    """Samples per step, over all devices together."""
    learning_rate: float = 3e-3
    """The highest that the schedule reaches."""
    schedule: ScheduleName = "one_cycle"
    """How the learning rate moves: `one_cycle`, `cosine`, `exponential` or `constant`; see `Schedule`."""
    decay_rate: float = 0.1
    """Of `exponential`: the factor after `decay_steps`."""
    decay_steps: int | None = None
    """Of `exponential`: batches; None spreads the decay twice over the whole training."""
    weight_decay: float = 1e-2
    """Pull of the convolutions' weights to 0 (AdamW)."""
    average: float = 0.0
    """Keep, instead of the weights themselves, their running mean over about this share of the training (an
    exponential moving average): 0.1 steadies a training whose scores scatter from seed to seed. The mean is
    what validation scores, what early stopping watches, and what is saved."""
    keep: Kept = "best"
    """Which weights are kept: `best`, those of the epoch with the lowest validation loss; or `last`, for when
    validation is too small to tell epochs apart."""
    loss: str | None = None
    """One of `list_losses(kind)` of what is learned, with options (`tversky:alpha=0.3,beta=0.7`), or a
    weighted sum of several (`ce+0.5*dice`); None takes the usual one (`crossentropy` of classes, `mse` of
    values)."""
    label_smoothing: float = 0.0
    """Of `crossentropy`: eases the pull of labels that may be wrong; 0.1 is usual."""
    class_weights: ClassWeights = None
    """Weights of the classes in the loss: a rule of `losses.class_weights` such as `balanced`, one number for
    each class (or value), or None."""
    augment: str | Sequence[str] = ("all",)
    """While loading: turns and flips, some of `SYMMETRIES`, `all` (the six of `AUGMENTATIONS`) or `none` of
    them; and further ones of `list_augmentations()` with their options, such as `rotate:degrees=30`, which
    follow in turn."""
    augment_mode: AugmentMode = "random"
    """`random`: one or none of them for each chip of a batch. `copies`: each as a full copy of the chips, so
    that six make an epoch seven times as long."""
    jitter: float = 0.0
    """Random gain and offset of each band of each chip, while loading, up to this share of its spread: 0.2
    readies a network for ground that is hazier or brighter than what it learns from. Short for
    `jitter:strength=0.2` at the end of `augment`."""
    normalize: str = "mean_std"
    """A kind of normalisation, fitted on the training chips and kept with the model. With weights by name and
    model folders, theirs unless one is given."""
    early_stopping: int | None = None
    """Stop after so many epochs without a lower validation loss; None trains all epochs. The falling learning
    rate of `one_cycle` and `cosine` often pays in the last epochs: stop late or not."""
    recipe: Recipe = "auto"
    """Settings for few labels, in place of those that are not given: `few_labels` takes them, `none` does
    not, and `auto` takes them where the training chips of classes of pixels hold few labelled places, most of
    the ground around them is unlabelled, no class is a background, and the network is a `unet` without
    `weights`. A warning names them, with reasons."""
    baseline: bool = False
    """Of classes of pixels: also learn a random forest from the same chips (the extra `baseline`), score it
    on the same pixels, and keep its figures in `baseline.json`: what a network has to beat."""
    seed: int = 0
    """Fixes weights, order, augmentation and dropout."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda`."""
    devices: DeviceCount = 1
    """How many train together, in one process each; `auto` for all GPUs. What comes of it is the same up to
    rounding, but for networks with batch normalisation on processors: there each process takes the statistics
    of its own share of a batch."""
    precision: Precision = "auto"
    """`auto` is bfloat16 on CUDA and float32 elsewhere."""

    def __post_init__(self) -> None:
        if self.weights_bands is not None:
            object.__setattr__(self, "weights_bands", _names(self.weights_bands))  # frozen
        known = self.pretrained
        if known is not None and "model" not in self.given and known.architecture is not None:
            object.__setattr__(self, "model", known.architecture)  # frozen
        self._check_network()
        self.augmentations  # noqa: B018 - whatever of it cannot be is refused now
        check_choice(
            self,
            {
                "missing_bands": get_args(Missing),
                "schedule": get_args(ScheduleName),
                "augment_mode": get_args(AugmentMode),
                "precision": get_args(Precision),
                "keep": get_args(Kept),
                "recipe": get_args(Recipe),
                "normalize": list_normalizations(),
                "baseline": (False, True),
            },
        )
        check_whole(
            self,
            {
                "epochs": (1, _MANY),
                "batch_size": (1, 65_536),
                "size": (1, 65_536),
                "early_stopping": (1, _MANY),
                "decay_steps": (1, 2**53),
                "seed": (0, 2**32 - 1),
            },
        )
        check_positive(self, ("learning_rate",))
        if self.weight_decay != 0:
            check_positive(self, ("weight_decay",), "or 0 for none")
        check_share(self, "jitter", "give 0 (none) or more, below 1, such as 0.2", whole=False)
        if self.jitter and jitters(self.augmentations):
            raise ConfigError(
                f"jitter is {self.jitter:g}, and augment has {jitters(self.augmentations)}; leave one out"
            )
        check_share(
            self, "average", "give a share of the training, 0 (no mean of the weights) to 1"
        )
        check_share(self, "label_smoothing", "give 0 or more, below 1", whole=False)
        self.rate  # noqa: B018 - likewise
        self._check_weights()
        self._check_kind()

    def _check_network(self) -> None:
        twice = [name for name in _IN_OPTIONS if name in (self.options or {}) and self._own(name)]
        if twice:
            raise ConfigError(
                f"{' and '.join(twice)} is given as a setting and among the options; leave one out"
            )
        check_options(self.model, self.network_options)

    def _check_weights(self) -> None:
        weights = self.class_weights
        if isinstance(weights, str):
            check_weight_rule(weights)
        elif weights is not None:
            try:
                plain = tuple(float(weight) for weight in weights)
            except (TypeError, ValueError):
                raise ConfigError(
                    f"class_weights is {weights!r}; give the name of a rule, or one number for each class"
                ) from None
            object.__setattr__(self, "class_weights", plain)  # frozen

    def _check_kind(self) -> None:
        """What goes with some kinds of labels alone."""
        kind = None if self.task is None else get_task(self.task).kind
        if self.loss is not None:
            check_loss(self.loss, kind)
        if self.label_smoothing and not (kind in (None, "classes") and _smoothable(self.loss)):
            raise ConfigError(
                "label_smoothing is part of the loss 'crossentropy', not of "
                f"{self.loss or f'the losses of {kind}'!r}; leave it out"
            )
        if self.baseline and kind not in (None, "classes"):
            raise ConfigError(
                f"baseline is a forest of classes, and {self.task} learns {kind}; leave it out"
            )

    def _own(self, name: str) -> bool:
        return getattr(self, name) is not None

    @property
    def pretrained(self) -> PretrainedWeights | None:
        """What is known of the weights to begin with; None for random ones.

        Raises:
            ModelError: there are none of this name or path, or no network here can start from them.
        """
        return find_weights(self.weights, self.model, self._own_options, self.weights_bands)

    @property
    def as_pretrained(self) -> PretrainedWeights | None:
        """The weights whose normalisation is taken; None where one is fitted."""
        known = None if "normalize" in self.given else self.pretrained
        return None if known is None or known.fitted is not None else known

    @property
    def fitted(self) -> str:
        """The kind of normalisation that is fitted, where one is."""
        known = None if "normalize" in self.given else self.pretrained
        return (known and known.fitted) or self.normalize

    @property
    def network_options(self) -> dict[str, Any]:
        """Options of the network: those of its weights, and `width` and `dropout` where they are given."""
        known = {} if self.pretrained is None else self.pretrained.options
        return {**known, **self._own_options}

    @property
    def _own_options(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in _IN_OPTIONS if self._own(name)}
        return {**(self.options or {}), **own}

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The operations that `augment` means."""
        return chosen_augmentations(self.augment)

    @property
    def rate(self) -> Schedule:
        """How the learning rate moves."""
        return Schedule(self.schedule, self.decay_rate, self.decay_steps)

    @property
    def smoothed_loss(self) -> str | Loss | None:
        """The loss, with its label smoothing."""
        if self.label_smoothing:
            return partial(cross_entropy, label_smoothing=self.label_smoothing)
        return self.loss

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, what decides about the weights alone, the network's defaults spelled out."""
        plain = {key: value for key, value in asdict(self).items() if key not in _NOT_RECORDED}
        plain["options"] = {**model_options(self.model), **self.network_options}
        plain["augment"] = list(self.augmentations)
        plain["normalize"] = self.fitted if self.as_pretrained is None else AS_PRETRAINED
        if self.weights_bands is not None:
            plain["weights_bands"] = list(self.weights_bands)
        if isinstance(self.class_weights, tuple):
            plain["class_weights"] = list(self.class_weights)
        return plain


def jitters(augmentations: Sequence[str]) -> str:
    """The jitter among augmentations, as written; empty where there is none.

    Example:
        >>> jitters(["rot90", "jitter:strength=0.3"])
        'jitter:strength=0.3'
    """
    return next((text for text in augmentations if text.partition(":")[0] == "jitter"), "")


def _names(given: Sequence[str]) -> tuple[str, ...]:
    """Names of bands, in a list or separated by commas."""
    return tuple(given.split(",")) if isinstance(given, str) else tuple(given)


def _smoothable(loss: str | None) -> bool:
    """Whether a loss is the one that `label_smoothing` belongs to."""
    return loss is None or full_name(loss) == "crossentropy"


class TrainSettings(TypedDict, total=False):
    """The fields of `TrainConfig` as arguments by name; a test compares the two."""

    task: str | None
    model: str
    width: float | None
    dropout: float | None
    options: Mapping[str, Any] | None
    weights: str | None
    missing_bands: Missing
    weights_bands: Sequence[str] | None
    size: int | None
    epochs: int
    batch_size: int
    learning_rate: float
    schedule: ScheduleName
    decay_rate: float
    decay_steps: int | None
    weight_decay: float
    average: float
    keep: Kept
    loss: str | None
    label_smoothing: float
    class_weights: ClassWeights
    augment: str | Sequence[str]
    augment_mode: AugmentMode
    jitter: float
    normalize: str
    early_stopping: int | None
    recipe: Recipe
    baseline: bool
    seed: int
    device: str
    devices: DeviceCount
    precision: Precision
