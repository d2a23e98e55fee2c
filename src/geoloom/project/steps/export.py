"""Write a trained model as a file that other programs run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ..listener import Listener
from .base import Step, model_folder


class Export(Step):
    """`geoloom export`: a model in; an ONNX file, a program of torch or a STAC item out."""

    verb = "export"
    reads = ("model",)

    model: Path
    out: Path
    format: Literal["onnx", "deepness", "torch", "mlm"] | None = None
    tile_size: Annotated[int, Field(gt=0, le=4096)] | None = None
    dates: Annotated[int, Field(ge=1, le=10_000)] | None = None
    file: Path | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is not a model, and a name that does not go with the format."""
        from ...core.errors import ConfigError
        from ...models.export.config import ExportConfig

        yield from model_folder("model", self.model)
        try:
            config = ExportConfig(format=self.format, file=self.file)
        except ConfigError as error:
            yield "file", str(error)
            return
        try:
            config.format_of(self.out)
        except ConfigError as error:
            yield "out", str(error)

    def also_written(self) -> tuple[Path, ...]:
        """Of an item: the file that it describes, where that is not there yet."""
        from ...models.export.config import ExportConfig

        file = ExportConfig(format=self.format, file=self.file).described(self.out)
        return () if file is None or file.exists() else (file,)

    def perform(self, listener: Listener, *, overwrite: bool, resume: bool) -> dict[str, Any]:
        """Write it."""
        from ...models.export.export import export_model

        listener.say("building the graph and comparing its answers with those of prediction")
        made = export_model(
            self.model,
            self.out,
            format=self.format,
            tile_size=self.tile_size,
            dates=self.dates,
            file=self.file,
            overwrite=overwrite,
        )
        described = {} if made.file is None else {"file": str(made.file)}
        return {
            "format": made.format,
            "takes": made.takes,
            "bytes": self.out.stat().st_size,
            **described,
        }

    def sentence(self, result: dict[str, Any]) -> str:
        """What the file takes."""
        if "file" in result:
            return f"{self.out} is written; it describes {result['file']}, which takes {result['takes']}"
        return f"{self.out} is written; it takes {result['takes']}"
