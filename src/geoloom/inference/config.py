"""The settings of a prediction: declared here alone, checked before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from ..core.errors import ConfigError
from ..core.settings.checks import check_choice, check_positive, check_whole
from ..core.settings.configs import changed
from ..io.vector.areas import RoiSource
from ..models.foreign.facts import FACTS, NetworkFacts, NetworkFactSettings
from ..preparation.options import Join
from .plan import Blend
from .predictor import Device, Output, Precision
from .runners import Engine, EngineName
from .smoothing.methods import USUAL_WINDOW_PX, Bayes, Majority, Smooth, Smoother
from .sources.grids import GridChoice, GridLike, Resolution
from .sources.opening import When

_WIDEST_SMOOTHING_PX = 99
_MOST_PX = 65_536
"""Side of a tile: more fits into no memory."""


@dataclass(frozen=True, slots=True)
class PredictConfig(NetworkFacts):
    """What a map shows, on which pixels, and how the model sees it; `predict` and `explain` take the same.

    The facts of a network of someone else's (an ONNX file) are among its fields; a model that geoloom trained
    or exported knows its own.

    Raises:
        ConfigError: a value cannot be, or two do not go together; the message names the setting.
    """

    output: Output = "map"
    """`map` shows the model's answers; `features` the numbers that a network which answers per image makes
    them of, one float32 band each, for each window."""
    join: Join | None = None
    """How several files become one, as in `prepare`: `bands` of one scene, on the pixels of the first file;
    a `mosaic`, side by side; or `dates` of one place, oldest first. A model of one date takes those as bands
    named `t1_red`, `t2_red`."""
    when: When = None
    """Of a folder or a dataset, the time asked about, such as `2019-07` or `2019-06/2019-08`."""
    roi: RoiSource | None = None
    """Area of interest in any CRS; see `core.roi.RoiLike`, or a vector file. The map ends around it, and
    pixels outside are nodata; only tiles that touch it are read."""
    crs: str | None = None
    """Of the map, where not that of the scenes."""
    resolution: Resolution | None = None
    """Side of the map's pixels in units of its CRS, or width and height."""
    like: GridLike | None = None
    """A raster, or a grid, whose pixels are the map's."""
    per_scene: bool = False
    """Make a map of each scene, on its own pixels, in place of one of all: the map's path is a folder, and a
    map there bears its scene's name. Maps that the same call has made before are kept."""
    tile: int = 512
    """Largest side of a tile without its halo, pixels."""
    halo: int = 64
    """Context that the model sees around a tile, pixels."""
    blend: Blend = "cosine"
    """`cosine` fades tiles into each other over the halo; `crop` cuts the halo off."""
    tta: bool = False
    """Test-time augmentation: each tile is seen in its eight orientations, and the mean taken. Eight times
    slower, and as a rule a little more accurate."""
    batch_size: int | None = None
    """Tiles that go through the model at once; 1 on a processor and 4 on a GPU if not given. Of a model that
    answers per image, images or windows; 16, or 64 windows on a GPU."""
    device: Device = "auto"
    """Where the model runs; `auto` takes CUDA where there is one."""
    precision: Precision = "auto"
    """`auto` computes in bfloat16 where it may on CUDA, in float32 elsewhere."""
    window: int | None = None
    """Of a model that answers per image: side of the windows that it sees of a scene, pixels; the size of the
    images that it was trained on if not given."""
    stride: int | None = None
    """Of a model that answers per image: pixels from one window to the next, and the side of the map's
    pixels; as large as the window if not given, so that windows do not overlap."""
    min_valid: float = 0.25
    """Of a model that answers per image: least share of a window that is observed, 0..1, where the map has an
    answer. The usual quarter is what a window about a corner of the scene shows."""
    min_area: float | None = None
    """Of the polygons (`vector`): hectares on the ellipsoid that one has at least. What is smaller joins the
    neighbour with which it shares the longest border, so that no hole opens; the map keeps its pixels."""
    smooth: Smooth | None = None
    """Of classes: `majority` gives each pixel the most frequent class of a window around it; `bayes` weighs
    its probabilities by those around, also where they are written. See `smoothing.methods`."""
    smooth_window: int | None = None
    """Side of the smoothing window, an odd number of pixels, 1 for nothing; 3 for `majority` and 7 for
    `bayes` if not given."""
    smoothness: float = 10.0
    """Of `bayes`: variance of a pixel's own logit; the larger, the more its neighbours count."""
    smooth_fraction: float = 0.5
    """Of `bayes`: share of the neighbours that count, those with the largest logits; above 0, at most 1."""
    nodata: float | None = None
    """Stored value that means unobserved, instead of the files' own."""
    unit: str | Sequence[str] | None = None
    """What the scene's numbers are after its scale and offset, such as `surface_reflectance`, instead of what
    its tags say: one for all bands, or one for each band of the model, in its order; `none` for unknown. A
    scene of the model's unit in another scale or offset is converted; one of another unit is refused."""
    assume_crs: str | None = None
    """Instead of the files' missing or wrong one."""
    engine: EngineName | Engine = "local"
    """`local` runs in this process; `dask` on worker processes, with the same classes."""
    scheduler: str | None = None
    """Address of a Dask scheduler; workers are started here where none is given."""
    workers: int = 2
    """How many to start."""

    def __post_init__(self) -> None:
        NetworkFacts.__post_init__(self)  # a dataclass with slots has no super() of its own
        check_choice(
            self,
            {
                "output": get_args(Output),
                "join": get_args(Join),
                "blend": get_args(Blend),
                "precision": get_args(Precision),
                "smooth": get_args(Smooth),
                "per_scene": (False, True),
                "tta": (False, True),
            },
        )
        sides = dict.fromkeys(("tile", "window", "stride"), (1, _MOST_PX))
        check_whole(self, {**sides, "halo": (0, _MOST_PX)}, " px")
        if not 0 <= self.min_valid <= 1:
            raise ConfigError(f"min_valid is {self.min_valid}; give a share from 0 to 1")
        check_positive(self, ("min_area",), "hectares")
        check_positive(self, ("smoothness", "smooth_fraction"), "finite")
        check_whole(self, {"batch_size": (1, 65_536), "workers": (1, 1024)})
        if self.scheduler is not None and self.engine != "dask":
            raise ConfigError(
                f"scheduler is {self.scheduler!r}, and the engine {self.engine!r} has none; give "
                "engine='dask' (--engine dask), or leave the scheduler out"
            )
        self._check_smoothing()
        self.choice  # noqa: B018 - whatever of it cannot be is refused now

    def _check_smoothing(self) -> None:
        check_whole(self, {"smooth_window": (1, _WIDEST_SMOOTHING_PX)}, " px")
        if self.smooth_window is not None and self.smooth_window % 2 == 0:
            raise ConfigError(
                f"smooth_window is {self.smooth_window} px; give an odd number, as a pixel is in the middle"
            )
        if self.smooth_fraction > 1:
            raise ConfigError(
                f"smooth_fraction is {self.smooth_fraction}; give a share of at most 1"
            )
        of_bayes = ("smoothness", "smooth_fraction")
        asked = ("smooth_window", *of_bayes) if self.smooth is None else of_bayes
        extra = [name for name in asked if name in self.changed]
        if extra and self.smooth != "bayes":
            kind = "bayes" if set(extra) & set(of_bayes) else "majority' or 'bayes"
            raise ConfigError(
                f"smooth is {self.smooth!r}, and {' and '.join(extra)} of smooth='{kind}' "
                "(--smooth); choose that, or leave it out"
            )

    @property
    def smoother(self) -> Smoother | None:
        """What smooths the map, where it is smoothed."""
        if self.smooth is None:
            return None
        window = self.smooth_window or USUAL_WINDOW_PX[self.smooth]
        if self.smooth == "majority":
            return Majority(window)
        return Bayes(window, self.smoothness, self.smooth_fraction)

    @property
    def changed(self) -> list[str]:
        """Names of the settings that are not at their default."""
        return changed(self)

    @property
    def facts(self) -> NetworkFacts:
        """What is stated of someone else's network."""
        return NetworkFacts(**{name: getattr(self, name) for name in FACTS})

    @property
    def choice(self) -> GridChoice:
        """The map's pixels, where not those of the scenes."""
        return GridChoice(self.crs, self.resolution, self.like)

    @property
    def opened(self) -> dict[str, Any]:
        """How files become a source: settings of `sources.opening.open_source`."""
        return {
            "join": self.join,
            "when": self.when,
            "nodata": self.nodata,
            "assume_crs": self.assume_crs,
            "choice": self.choice,
        }


class PredictSettings(NetworkFactSettings, total=False):
    """The fields of `PredictConfig` as arguments by name; a test compares the two."""

    output: Output
    join: Join | None
    when: When
    roi: RoiSource | None
    crs: str | None
    resolution: Resolution | None
    like: GridLike | None
    per_scene: bool
    tile: int
    halo: int
    blend: Blend
    tta: bool
    batch_size: int | None
    device: Device
    precision: Precision
    window: int | None
    stride: int | None
    min_valid: float
    min_area: float | None
    smooth: Smooth | None
    smooth_window: int | None
    smoothness: float
    smooth_fraction: float
    nodata: float | None
    unit: str | Sequence[str] | None
    assume_crs: str | None
    engine: EngineName | Engine
    scheduler: str | None
    workers: int
