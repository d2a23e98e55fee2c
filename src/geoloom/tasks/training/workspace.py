"""A model folder while a training runs in it: may it be used, from where does the training go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import ConfigError, WriteError
from ...core.files import writing
from ...core.jsonfile import JsonValue
from ...metrics.baseline import BASELINE_FILE
from ...models.saved import CARD_FILE, WEIGHTS_FILE, write_json
from ..history import CSV_FILE, JSON_FILE

CHECKPOINTS = "checkpoints"
RUN_FILE = "training.json"
VALIDATION_FILE = "validation.json"
LAST = "last"
BEST = "best"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder that holds, or will hold, one training and its model."""

    folder: Path

    @property
    def checkpoints(self) -> Path:
        """Folder of Lightning's checkpoints."""
        return self.folder / CHECKPOINTS

    @property
    def last(self) -> Path | None:
        """The checkpoint that a resumed training starts from, where there is one."""
        path = self.checkpoints / f"{LAST}.ckpt"
        return path if path.exists() else None

    @property
    def finished(self) -> bool:
        """Whether the model was written, which is the last thing a training does."""
        return (self.folder / CARD_FILE).exists()

    def check(self, run: Mapping[str, Any], *, overwrite: bool, resume: bool) -> None:
        """Refuse a training with these settings that may not have the folder. Changes nothing.

        Args:
            run: The settings, plain values, under the keys `config` and `chips`.
            overwrite: Whether a model or training of ours that is there may be replaced.
            resume: Whether it is to be gone on with.

        Raises:
            WriteError: something is there, and neither leave is given.
            ConfigError: a training to be resumed has other settings; the message names them.
        """
        if overwrite or not (self.finished or self.last):
            return
        what = "a model" if self.finished else "an unfinished training"
        if not resume:
            raise WriteError(
                f"{self.folder} holds {what} already; overwrite=True (--overwrite) starts over, "
                "resume=True (--resume) goes on with it, or choose another folder"
            )
        self._check_same(run)

    def open(self, run: Mapping[str, Any], *, overwrite: bool) -> None:
        """Make the folder ready for a training that `check` has let through.

        Raises:
            WriteError: the system refuses.
        """
        with writing(self.folder):
            if overwrite or not self.last:
                self._clear()
            self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / RUN_FILE, dict(run), within=self.folder)

    def leave(self) -> None:
        """After a failure: what cannot be continued is not a reason to refuse the corrected command."""
        if self.finished or self.last:
            return
        self._clear()
        with suppress(OSError):  # it holds files of the user's
            self.folder.rmdir()

    def _clear(self) -> None:
        """Remove what a training writes, and nothing else."""
        # The card goes first: a folder that is cleared halfway must not look like a model.
        own = CARD_FILE, WEIGHTS_FILE, RUN_FILE, VALIDATION_FILE, BASELINE_FILE, JSON_FILE, CSV_FILE
        for name in own:
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def _check_same(self, run: Mapping[str, Any]) -> None:
        path = self.folder / RUN_FILE
        fix = "the training cannot be resumed; overwrite=True (--overwrite) starts over"
        try:
            noted = JsonValue.read(path, ConfigError, fix)
        except FileNotFoundError as error:
            raise ConfigError(f"{path} is not there, so that {fix}") from error
        before = {**noted["config"].table(), "chips": noted["chips"].table()}
        now = json.loads(json.dumps(dict(run)))
        changed = [
            f"{name}: {before.get(name)!r} -> {value!r}"
            for name, value in {**now["config"], "chips": now["chips"]}.items()
            if before.get(name) != value
        ]
        if changed:
            raise ConfigError(
                f"the training in {self.folder} has other settings ({'; '.join(changed)}); resume it with "
                "its own, or start over with overwrite=True (--overwrite)"
            )
