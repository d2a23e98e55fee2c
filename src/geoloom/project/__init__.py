"""Projects: the steps of a piece of work, when one has to be done again, and how it was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .listener import Listener as Listener
    from .project_file import Project as Project
    from .project_file import read_project as read_project
    from .runner import Planned as Planned
    from .runner import plan as plan
    from .runner import run_project as run_project
    from .steps.base import Step as Step
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".listener": ["Listener"],
            ".project_file": ["Project", "read_project"],
            ".runner": ["Planned", "plan", "run_project"],
            ".steps.base": ["Step"],
        },
    )
