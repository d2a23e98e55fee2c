"""`ModelBuilder`: train, validate and predict, from file to file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..chips.store import ChipStore
from ..core.errors import ConfigError, ModelError
from ..core.files import may_fill
from ..metrics.accuracy import Accuracy
from ..splits.names import Split
from .params import check_keys
from .training_params import KEYS, check_chips, training_settings

Params = Mapping[str, Any]


class ModelBuilder:
    """A network by name, or a trained model by its folder.

    Everything is done by `geoloom.train`, `geoloom.evaluate` and `geoloom.predict`; this is their door under
    the paper's names.

    Args:
        model: `fcn8s`, `fcn16s`, `fcn32s`, `unet`, or a registered name; a model folder; or a params dict
            with the key `network`, whose params are then used where a method is given none.

    Raises:
        ModelError: the name is unknown; the nearest is named.

    Source:
        The DeepGeo paper, section 2.3 and figure 4.

    Example:
        >>> model = ModelBuilder("fcn8s")
        >>> model.train("chips.zarr#train", "chips.zarr#test", params, "model")  # doctest: +SKIP
        >>> model.validate("chips.zarr#val", params, "model")  # doctest: +SKIP
        >>> model.predict("img.tif", params, "model", "classif.tif")  # doctest: +SKIP
    """

    def __init__(self, model: str | Path | Params) -> None:
        from ..models.listing import get_spec
        from ..models.saved import read_card

        self.params: dict[str, Any] = {}
        self.folder: Path | None = None
        if isinstance(model, Mapping):
            self.params = check_keys(model, KEYS, where="params")
            if "network" not in model:
                raise ConfigError("params needs the key 'network', the name of a network")
            model = str(model["network"])
        if Path(model).is_dir():
            self.folder = Path(model)
            card = read_card(self.folder)
            self.network, self.options = card.architecture, dict(card.options)
            return
        self.network, self.options = str(model), {}
        get_spec(self.network)  # refuses one that is not known

    def train(
        self,
        train_ds: str | Path | ChipStore,
        test_ds: str | Path | ChipStore | None = None,
        params: Params | str | Path | None = None,
        model_dir: str | Path | None = None,
        *,
        overwrite: bool = False,
        resume: bool = False,
    ) -> Path:
        """Train the network and write a model folder.

        Args:
            train_ds: Chips to learn from: a store, or one split of it, such as `chips.zarr#train`.
            test_ds: Chips by which the best weights are chosen; None takes those of `train_ds`' store.
            params: See `training_params.training_settings`.
            model_dir: Folder to write. It may stand in the place of `params`, which are then those that the
                builder was made with.
            overwrite: Replace a model that is there.
            resume: Go on with an unfinished training.

        Raises:
            ConfigError: a key of `params` is unknown or cannot be; the nearest is named.
            ChipError: a dataset is missing, unlabelled, or unlike the other.
            WriteError: the folder holds a model.
        """
        from ..tasks.train import train

        if isinstance(params, str | Path):
            params, model_dir = None, params if model_dir is None else model_dir
        chosen = self.params if params is None else params
        settings = training_settings(chosen)
        own = {name: value for name, value in self.options.items() if name not in settings}
        settings["options"] = {**own, **(settings.get("options") or {})}
        store = open_split(train_ds, "train")
        check_chips(chosen, store)
        self.folder = train(
            store,
            self._folder(model_dir),
            model=self._named(chosen),
            val=None if test_ds is None else open_split(test_ds, "test"),
            overwrite=overwrite,
            resume=resume,
            **settings,
        )
        return self.folder

    def validate(
        self,
        valid_ds: str | Path | ChipStore,
        params: Params | str | Path | None = None,
        model_dir: str | Path | None = None,
        *,
        overwrite: bool = False,
    ) -> Accuracy:
        """Score the trained model on chips that it has not seen.

        Writes `<model_dir>/validation/`: `validation_report.txt` and `.json`, and as pictures the confusion
        matrix and the ROC and precision-recall curves.

        Args:
            valid_ds: A chip store, or one split of it, such as `chips.zarr#val`.
            params: Checked, as it is the training's; of it, `batch_size` and `device` are used.
            model_dir: Model folder; None takes the one trained or opened.
            overwrite: Replace an earlier validation.

        Raises:
            ModelError: there is no trained model, or the chips have other bands or classes.
            WriteError: the folder holds a validation.
        """
        from ..evaluation.evaluate import evaluate

        if isinstance(params, str | Path):
            params, model_dir = None, params if model_dir is None else model_dir
        given = check_keys(self.params if params is None else params, KEYS, where="params")
        store = open_split(valid_ds, "val")
        folder = self._folder(model_dir)
        out = folder / "validation"
        report = out / "validation_report.json"
        may_fill(out, report.name, "a validation", overwrite=overwrite)
        out.mkdir(parents=True, exist_ok=True)
        accuracy = evaluate(
            folder,
            store,
            split=next(iter(store.splits), "val"),
            batch_size=int(given.get("batch_size", 16)),
            device=given.get("device", "auto"),
            out=report,
            overwrite=overwrite,
        )
        assert isinstance(accuracy, Accuracy)  # a network of this door learns classes
        write_figures(accuracy, out, prefix="validation_")
        return accuracy

    def predict(
        self,
        test_img: str | Path,
        params: Params | None = None,
        model_dir: str | Path | None = None,
        output: str | Path | None = None,
        *,
        probabilities: str | Path | None = None,
        vector: str | Path | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Classify a whole image of any size; `geoloom.predict` has more options.

        Args:
            test_img: Image with the model's bands.
            params: Checked, as it is the training's; of it, `device` is used.
            model_dir: Model folder; None takes the one trained or opened.
            output: Map to write, a GeoTIFF on the image's own pixels.
            probabilities: GeoTIFF of one band per class to write too.
            vector: GeoPackage of polygons to write too.
            overwrite: Replace the products.

        Raises:
            ModelError: there is no trained model, or the image lacks its bands.
            WriteError: a product exists.
        """
        from ..inference.predict import predict

        given = check_keys(self.params if params is None else params, KEYS, where="params")
        if output is None:
            raise ConfigError(
                "predict needs output, the map to write: predict(img, params, model_dir, out)"
            )
        return predict(
            self._folder(model_dir),
            test_img,
            output,
            probabilities=probabilities,
            vector=vector,
            device=given.get("device", "auto"),
            overwrite=overwrite,
        )

    @staticmethod
    def register_model(name: str, builder: Callable[..., Any], *, overwrite: bool = False) -> None:
        """Make a network of your own known; see `geoloom.models.register_model`."""
        from ..models.listing import register_model

        register_model(name, builder, overwrite=overwrite)

    @staticmethod
    def register_loss(name: str, loss: Callable[..., Any], *, overwrite: bool = False) -> None:
        """Make a loss of your own known; see `geoloom.losses.register_loss`."""
        from ..losses.registry import register_loss

        register_loss(name, loss, overwrite=overwrite)

    def _named(self, params: Params) -> str:
        name = params.get("network", self.network)
        if name != self.network:
            raise ConfigError(
                f"params['network'] is {name!r}, but the builder was made for {self.network!r}"
            )
        return self.network

    def _folder(self, model_dir: str | Path | None) -> Path:
        if model_dir is not None:
            return Path(model_dir)
        if self.folder is None:
            raise ModelError("no model folder: give model_dir, or make ModelBuilder(folder)")
        return self.folder


def open_split(chips: str | Path | ChipStore, split: Split) -> ChipStore:
    """A store's chips for one purpose.

    A store that is named with a split (`chips.zarr#train`) or has no splits is taken whole; of one that has
    several, the split of that purpose.

    Raises:
        ChipError: there is no such store, or it lacks the split.
    """
    if isinstance(chips, ChipStore):
        return chips
    store = ChipStore.open(chips)
    return store if len(store.splits) < 2 else ChipStore.open(f"{store.path}#{split}")


def write_figures(accuracy: Accuracy, folder: Path, *, prefix: str = "", suffix: str = "") -> None:
    """The confusion matrix, and the curves where the accuracy has them, as PNG; replaces what is there."""
    from ..analysis.curves import plot_precision_recall_curve, plot_roc_curve
    from ..figures.matrices import plot_confusion_matrices
    from ..figures.style import save_figure

    matrix = plot_confusion_matrices(accuracy.confusion, accuracy.classes)
    save_figure(matrix, folder / f"{prefix}confusion_matrix{suffix}.png", overwrite=True)
    if accuracy.roc:
        save_figure(plot_roc_curve(accuracy), folder / f"auc_roc_curve{suffix}.png", overwrite=True)
    if accuracy.precision_recall:
        curve = plot_precision_recall_curve(accuracy)
        save_figure(curve, folder / f"prec_rec_curve{suffix}.png", overwrite=True)
