"""Tasks by name."""

from __future__ import annotations

from ..core.errors import ConfigError
from ..core.outputs import Outputs
from ..core.registry import Registry
from .base import Task

_OWN = f"{__package__}.supervised"

USUAL = ("segmentation", "classification", "pixel_regression")
"""Of the tasks of our own, the one that learns each kind of labels where nobody chooses."""

TASKS: Registry[type[Task]] = Registry(
    "task",
    {
        "segmentation": f"{_OWN}.segmentation:SegmentationTask",
        "classification": f"{_OWN}.classification:ClassificationTask",
        "pixel_regression": f"{_OWN}.pixel_regression:PixelRegressionTask",
    },
    hint=". One of your own must be made known first, with register_task(name, task)",
)


def list_tasks() -> tuple[str, ...]:
    """Names that `get_task` and `gl.train(task=...)` know, sorted.

    Example:
        >>> list_tasks()
        ('classification', 'pixel_regression', 'segmentation')
    """
    return TASKS.list()


def get_task(name: str) -> type[Task]:
    """A task by name.

    Raises:
        ConfigError: there is none; the message names the nearest.
    """
    return TASKS.get(name)


def usual_task(outputs: Outputs) -> str:
    """The name of the task that learns such labels, where a user names none.

    Raises:
        ConfigError: nothing of our own learns them.

    Example:
        >>> from geoloom.core.classes import Classes
        >>> from geoloom.core.outputs import ClassOutputs
        >>> usual_task(ClassOutputs(Classes.of(["forest", "water"]), per="image"))
        'classification'
    """
    for name in USUAL:
        try:
            get_task(name).as_outputs(outputs)
        except ConfigError:
            continue
        return name
    raise ConfigError(
        f"no task learns {outputs.short}; there are {', '.join(list_tasks())}. Choose other labels, where "
        "the dataset has some (`geoloom datasets info NAME` says so), or name a task of your own, made known "
        "with register_task(name, task): task=NAME (--task NAME)"
    )


def register_task(name: str, task: type[Task], *, overwrite: bool = False) -> None:
    """Make a task of your own known by name, to `gl.train` and the command line.

    Args:
        name: What users will call it.
        task: A child of `Task`.
        overwrite: Replace a task of that name.

    Raises:
        ConfigError: it is not a child of `Task`, or the name is taken.
    """
    if not (isinstance(task, type) and issubclass(task, Task)):
        raise ConfigError(
            f"{task!r} is not a child of geoloom.tasks.Task; derive it from Task or one of its children"
        )
    TASKS.register(name, task, overwrite=overwrite)
