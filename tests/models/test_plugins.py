"""Networks in a file or package of someone else's: registered by one decorator, then as built-in ones."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys

import pytest
import torch

import geoloom as gl
from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, ModelError
from geoloom.core.outputs import ClassOutputs
from geoloom.core.registry import plugins
from geoloom.core.registry.plugins import load_plugin
from geoloom.models import listing
from geoloom.models.card import ModelCard
from geoloom.models.listing import get_spec, list_models
from geoloom.models.plugin import Plugin
from geoloom.models.registry import create_model
from geoloom.models.saved import load_model, save_model

PROGRAM = """
from torch import nn

import geoloom as gl


@gl.register_model("{name}", about="a linear function of every pixel")
class Linear(nn.Sequential):
    def __init__(self, in_channels, out_channels, *, bias: bool = True):
        super().__init__(nn.Conv2d(in_channels, out_channels, 1, bias=bias))
"""


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    monkeypatch.setattr(listing.MODELS, "_entries", dict(listing.MODELS._entries))
    monkeypatch.setattr(plugins, "_asked", set())
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setenv(plugins.VARIABLE, "")  # put back as it was, whatever a test sets


@pytest.fixture
def program(tmp_path):
    file = tmp_path / "my_linear_net.py"
    file.write_text(PROGRAM.format(name="my_linear"))
    return file


def card_of(name):
    builder = get_spec(name).build
    outputs = ClassOutputs(Classes.of(["a", "b"]))
    bands = Band.named("red"), Band.named("nir")
    return ModelCard(name, {"bias": True}, bands, outputs, plugin=Plugin.of(builder))


def test_a_file_makes_its_networks_known(program):
    load_plugin(program)
    load_plugin(program)
    assert "my_linear" in list_models(gives="pixels")
    assert get_spec("my_linear").options() == {"bias": True}
    assert create_model("my_linear", 3, 2)(torch.zeros(1, 3, 5, 7)).shape == (1, 2, 5, 7)
    assert os.environ[plugins.VARIABLE] == str(program)


def test_a_model_without_its_program_is_refused_and_never_runs_the_one_beside_it(program, tmp_path):
    load_plugin(program)
    folder = save_model(tmp_path / "model", create_model("my_linear", 2, 2), card_of("my_linear"))
    digest = Plugin.of(get_spec("my_linear").build).sha256
    (folder / "my_linear_net.py").write_text("raise SystemExit('it ran')")
    code = f"import geoloom.models as m; m.load_model({str(folder)!r})"
    environment = {k: v for k, v in os.environ.items() if k != plugins.VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=folder
    )
    assert "it ran" not in done.stderr
    assert "'my_linear' of the plugin my_linear_net.Linear" in done.stderr
    assert digest[:12] in done.stderr
    assert "--plugin my_linear_net.py" in done.stderr
    # A process that this one starts knows the file.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_another_program_than_the_trained_one_is_warned_of(program, tmp_path, caplog):
    load_plugin(program)
    folder = save_model(tmp_path / "model", create_model("my_linear", 2, 2), card_of("my_linear"))
    load_model(folder)
    assert not caplog.records
    changed = tmp_path / "changed" / "my_linear_net.py"
    changed.parent.mkdir()
    changed.write_text(PROGRAM.format(name="my_linear") + "\nVERSION = 2\n")
    del sys.modules["my_linear_net"], listing.MODELS._entries["my_linear"]
    load_plugin(changed)
    load_model(folder)
    assert "another version of my_linear_net.Linear" in caplog.text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("absent.py", None, "absent.py is no Python file"),
        ("net.txt", "", "net.txt is no Python file"),
        ("torch.py", "", "the name of another module, torch; rename"),
        ("broken_net.py", "1 / 0", "broken_net.py fails: ZeroDivisionError"),
        ("strange_net.py", "x = (", "strange_net.py fails: SyntaxError"),
        (
            "taken_net.py",
            PROGRAM.format(name="unet"),
            "the model 'unet' is registered already",
        ),
    ],
)
def test_what_is_no_plugin_is_refused(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_plugin(tmp_path / name)
    assert name.removesuffix(".py") == "torch" or name.removesuffix(".py") not in sys.modules


class Entry:
    def __init__(self, name, load):
        self.name, self.value, self.load = name, f"package:{name}", load


def test_installed_packages_are_asked_where_a_name_is_not_known(monkeypatch, caplog):
    asked = []

    def register():
        asked.append("good")
        gl.register_model("from_a_package", lambda in_channels, out_channels: torch.nn.Identity())

    def fail():
        raise RuntimeError("out of date")

    def entry_points(group):
        assert group == "geoloom.plugins"
        return [Entry("bad", fail), Entry("good", register)]

    monkeypatch.setattr(plugins, "entry_points", entry_points)
    get_spec("unet")
    assert not asked
    assert get_spec("from_a_package").gives == ("pixels",)
    with pytest.raises(ModelError, match="no model is named 'from_nowhere'"):
        get_spec("from_nowhere")
    assert asked == ["good"]
    assert "bad (package:bad) of an installed package fails" in caplog.text
    assert importlib.metadata.entry_points is not entry_points


def test_the_decorator_gives_the_class_back_and_keeps_what_is_declared():
    @gl.register_model("means", gives=("image",), takes="BTCHW", dates="any")
    class Means(torch.nn.Linear):
        def __init__(self, in_channels, out_channels):
            super().__init__(in_channels, out_channels)

    spec = get_spec("means")
    assert (spec.build, spec.gives, spec.takes, spec.dates) == (Means, ("image",), "BTCHW", "any")
