"""Scenes of catalogues kept in an index, as long as the question and the local documents are the same."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ...core.errors import DatasetError
from ...core.query import Scene
from ...io.access.finding import INDEX_FOLDER
from ...io.access.paths import cache_folder
from ..scenes.cached import IndexPlace
from ..scenes.table import SavedScenes, opened_index, save_scenes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked of which catalogues."""

    sources: Sequence[Any]
    text: str
    """All that decides the scenes, apart from what the documents hold."""

    def place(self, index: IndexPlace) -> Path | None:
        """Where the answer is kept.

        Raises:
            DatasetError: beside the documents is nowhere.
        """
        if index is None or index is False:
            return None
        name = f"stac-{_digest(self.text)}.parquet"
        if index == "cache":
            return cache_folder() / name
        if index is not True:
            return Path(index)
        first = self.sources[0]
        if not isinstance(first, str) or "://" in first:
            raise DatasetError(
                "there is no local folder beside remote documents or a search; give index='cache' or a file"
            )
        folder = Path(first) if Path(first).is_dir() else Path(first).parent
        return folder / INDEX_FOLDER / name


def kept_scenes(
    index: IndexPlace, question: Question, find: Callable[[], tuple[Sequence[Scene], list[str]]]
) -> Sequence[Scene]:
    """The scenes of an index file where it answers the same question; else found, and saved to it.

    Args:
        index: Where the file is.
        question: What is asked.
        find: Gives the scenes, and the local documents on which they depend.

    Raises:
        DatasetError: the file is there, but is not an index of scenes of a catalogue.
    """
    path = question.place(index)
    if path is None:
        return find()[0]
    if path.exists():
        scenes = opened_index(path)
        if scenes is not None and _is_answer(scenes, question.text):
            log.info("%d scenes from %s", len(scenes), path)
            return scenes
        if scenes is not None:
            log.info("%s answers another question, or its documents changed: made again", path)
    found_scenes, documents = find()
    path.parent.mkdir(parents=True, exist_ok=True)
    stamps = {document: _stamp(document, path.name) for document in documents}
    save_scenes(path, found_scenes, {"asked": question.text, "documents": stamps})
    log.info("%d scenes saved to %s", len(found_scenes), path)
    return SavedScenes(path)


def _is_answer(scenes: SavedScenes, asked: str) -> bool:
    record = scenes.record or {}
    if "asked" not in record:
        raise DatasetError(
            f"{scenes.path} is an index, but not of a catalogue; name another file, or delete it"
        )
    if record["asked"] != asked:
        return False
    own = scenes.path.name
    return all(_stamp(document, own) == stamp for document, stamp in record["documents"].items())


def _stamp(document: str, own: str) -> list[int | str]:
    """Modification time, ns, and size of a document; of a folder its names, but for the index's own."""
    try:
        names = [n for n in os.listdir(document) if not n.startswith((own, INDEX_FOLDER))]  # noqa: PTH208
        return ["folder", _digest("\0".join(sorted(names)))]
    except NotADirectoryError:
        status = os.stat(document)  # noqa: PTH116 - once a document, a Path costs more than the call
        return [status.st_mtime_ns, status.st_size]
    except OSError:
        return ["gone"]


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
