"""Programs of users and of other packages, whose things join geoloom's registries when they are imported.

A file is loaded when a user names it; what packages declare as entry points of `geoloom.plugins`, when a name
is not found or names are listed, never before. Nothing is loaded because a model, a store or a project is
read from somewhere.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from ..errors import ConfigError

logger = logging.getLogger(__name__)

GROUP = "geoloom.plugins"
"""Of entry points: `my_package = "my_package.networks"` in a package's `[project.entry-points]`."""

VARIABLE = "GEOLOOM_PLUGINS"
"""Environment variable with the files that were loaded, for the processes that this one starts."""

_asked: set[str] = set()
"""Entry points and inherited files that were tried."""


def load_plugin(path: str | Path) -> None:
    """Run a Python file of your own, so that what it registers is known by name from now on.

    Processes that this one starts, such as those of several GPUs or of a local cluster, load it too.

    Args:
        path: Such as `my_net.py`. Loading it again does nothing.

    Raises:
        ConfigError: there is no such file, another module has its name, or it fails; the message says where.
    """
    file = Path(path).resolve()
    if file.suffix != ".py" or not file.is_file():
        raise ConfigError(
            f"the plugin {path} is no Python file; give the path of one, such as my_net.py"
        )
    name, loaded = file.stem, sys.modules.get(file.stem)
    if loaded is not None:
        if Path(getattr(loaded, "__file__", None) or "").resolve() == file:
            return
        raise ConfigError(
            f"the plugin {path} has the name of another module, {name}; rename the file"
        )
    spec = spec_from_file_location(name, file)
    assert spec is not None  # of a file that ends in .py
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    folder = str(file.parent)
    if folder not in sys.path:
        sys.path.append(
            folder
        )  # last: it shadows nothing, and finds its neighbours in other processes too
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"the plugin {path} fails: {type(error).__name__}: {error}") from error
    known = [text for text in os.environ.get(VARIABLE, "").split(os.pathsep) if text]
    os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys([*known, str(file)]))


def load_known_plugins() -> None:
    """Load what installed packages declare, and the files that the process which started this one loaded.

    Each is tried once; one that fails is named in a warning, and the others are loaded.
    """
    files = [text for text in os.environ.get(VARIABLE, "").split(os.pathsep) if text]
    for file in files:
        if file not in _asked:
            _asked.add(file)
            load_plugin(file)
    if GROUP in _asked:
        return
    _asked.add(GROUP)
    for entry in entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:
            logger.warning(
                "the plugin %s (%s) of an installed package fails and is left out: %s: %s",
                entry.name,
                entry.value,
                type(error).__name__,
                error,
            )
