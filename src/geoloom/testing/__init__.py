"""What tests of geoloom, and of code on top of it, can use: known truth, generated grids, fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.lazy import lazy_names

if TYPE_CHECKING:
    from .fakes import FakeEngine as FakeEngine
    from .fakes import fake_header as fake_header
    from .predictors import BandPredictor as BandPredictor
    from .predictors import CodePredictor as CodePredictor
    from .predictors import CountingPredictor as CountingPredictor
    from .ramps import Truth as Truth
    from .ramps import ramp as ramp
    from .ramps import truth as truth
    from .ramps import write_ramp as write_ramp
    from .ramps import write_raster as write_raster
    from .server import Behaviour as Behaviour
    from .server import FolderServer as FolderServer
    from .server import serving as serving
    from .simulate import SimulatedScene as SimulatedScene
    from .simulate import simulated_scene as simulated_scene
    from .simulate_crops import SimulatedCrops as SimulatedCrops
    from .simulate_crops import simulated_crops as simulated_crops
    from .simulate_inputs import SimulatedInputs as SimulatedInputs
    from .simulate_inputs import simulated_inputs as simulated_inputs
    from .sources import FakeSource as FakeSource
    from .strategies import cuts as cuts
    from .strategies import grids as grids
    from .strategies import intervals as intervals
    from .strategies import overlapping_grids as overlapping_grids
    from .strategies import timelines as timelines
    from .trials import Outcome as Outcome
    from .trials import run_trials as run_trials
else:
    __getattr__, __dir__, __all__ = lazy_names(
        __name__,
        {
            ".fakes": ["FakeEngine", "fake_header"],
            ".predictors": ["BandPredictor", "CodePredictor", "CountingPredictor"],
            ".ramps": ["Truth", "ramp", "truth", "write_ramp", "write_raster"],
            ".server": ["Behaviour", "FolderServer", "serving"],
            ".simulate": ["SimulatedScene", "simulated_scene"],
            ".simulate_crops": ["SimulatedCrops", "simulated_crops"],
            ".simulate_inputs": ["SimulatedInputs", "simulated_inputs"],
            ".sources": ["FakeSource"],
            ".strategies": ["cuts", "grids", "intervals", "overlapping_grids", "timelines"],
            ".trials": ["Outcome", "run_trials"],
        },
    )
