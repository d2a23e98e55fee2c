from __future__ import annotations

import pytest

from geoloom.core.errors import ConfigError, UsageError
from geoloom.project.project_file import read_project
from geoloom.project.runner import plan
from geoloom.project.steps import STEPS
from geoloom.project.validation import checked


def test_a_right_file_becomes_steps(project, tmp_path):
    made = read_project(project)
    assert [step.verb for step in made.steps] == ["cut", "join"]
    assert made.steps[0].scene == tmp_path / "a.txt"
    assert made.steps[0].size == 2
    assert made.variables["here"] == str(tmp_path)


def test_sets_change_variables_and_settings_of_a_verb(project):
    assert read_project(project, ["size=7"]).steps[0].size == 7
    assert read_project(project, ["cut.rule=nearest"]).steps[0].rule == "nearest"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sise=3", "no such variable; did you mean 'size'"),
        ("cut.sise=3", "cut has no setting 'sise'; did you mean 'size'"),
        ("kut.size=3", "no step is called 'kut'; did you mean 'cut'"),
        ("size", "expected name=value"),
    ],
)
def test_a_wrong_set_is_wrong_use(project, text, said):
    with pytest.raises(UsageError, match=said):
        read_project(project, [text])


def test_everything_wrong_is_said_at_once_each_with_its_line(project):
    text = project.read_text()
    text = text.replace("size: ${size}", "sise: 3\n      rule: nearst\n      workers: two")
    text = text.replace("  - join:", "  - glue: {}\n  - join:").replace("${root}/b", "${rot}/b")
    project.write_text(text + "variable: x\n")
    with pytest.raises(ConfigError) as caught:
        read_project(project)
    said = str(caught.value)
    assert "has 6 faults; nothing was done" in said
    assert "line 18, variable: no such key; did you mean 'variables'?" in said
    assert "line 10, steps[0].cut.sise: no such setting; did you mean 'size'?" in said
    assert (
        "line 11, steps[0].cut.rule: found 'nearst'; expected one of mode, nearest; did you mean 'nearest'?"
        in said
    )
    assert "line 12, steps[0].cut.workers: found 'two'; input should be a valid integer" in said
    assert "line 13, steps[1].glue: no such step" in said
    assert "line 16, steps[2].join.right: ${rot} is not a variable; did you mean 'root'?" in said


@pytest.mark.parametrize(("given", "meant"), [(2, 2), ("3", 3), ("auto", "auto")])
def test_devices_are_a_number_or_all(given, meant):
    step, problems = checked(STEPS["train"], {"chips": "a.zarr", "out": "m", "devices": given})
    assert not problems
    assert step.devices == meant
    for wrong in (0, "-1", "1.5", "all", True):
        _, ((place, said),) = checked(
            STEPS["train"], {"chips": "a.zarr", "out": "m", "devices": wrong}
        )
        assert place == ("devices",)
        assert said == f"found {wrong!r}; expected how many share the work, at least 1, or auto"


def test_missing_files_are_found_before_any_work(project, tmp_path):
    (tmp_path / "b.txt").unlink()
    with pytest.raises(ConfigError, match=r"line 13, steps\[1\].join.right: .*b.txt not found"):
        read_project(project)


def test_a_step_must_not_come_before_what_it_needs(project):
    text = project.read_text()
    cut, join = text.index("  - cut"), text.index("  - join")
    project.write_text(text[:cut] + text[join:] + text[cut:join])
    with pytest.raises(ConfigError, match=r"made by steps\[1\], which must come before"):
        read_project(project)


def test_two_steps_may_not_make_one_file(project):
    project.write_text(project.read_text().replace("joined.txt", "cut.txt"))
    with pytest.raises(ConfigError, match=r"already made by steps\[0\]"):
        read_project(project)


def test_a_step_may_refuse_what_types_allow(project):
    with pytest.raises(ConfigError, match=r"steps\[0\].cut.size: 13 brings bad luck"):
        read_project(project, ["size=13"])


@pytest.mark.parametrize(
    "text", ["", "- a\n", "steps: []\n", "steps: 3\n", "variables: [a]\nsteps: [1]\n"]
)
def test_what_is_no_project_says_what_one_is(project, text):
    project.write_text(text)
    with pytest.raises(ConfigError, match="expected"):
        read_project(project)


def test_what_a_step_writes_besides_its_product_can_be_read_by_the_next(tmp_path):
    for name in ("scene.tif", "truth.tif"):
        (tmp_path / name).touch()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.json").touch()
    (tmp_path / "project.yaml").write_text(
        "steps:\n"
        "  - predict: {model: '${here}/model', scene: '${here}/scene.tif', out: '${here}/map.tif', "
        "probabilities: '${here}/p.tif'}\n"
        "  - evaluate: {map: '${here}/map.tif', truth: '${here}/truth.tif', "
        "probabilities: '${here}/p.tif'}\n"
    )
    steps = read_project(tmp_path / "project.yaml").steps
    assert ("probabilities", tmp_path / "p.tif") in steps[1].inputs()
    assert [planned.reason for planned in plan(steps)] == ["not made yet", "not made yet"]


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("''", "names no file"),
        ("/", "names no file"),
        ("~", "found None"),
        ('"a\\0b"', "no control characters"),
        ("a" * 300, "names have at most 255 bytes"),
        ("a/" * 2040, "names have at most"),
    ],
)
def test_a_path_that_names_nothing_is_reported_with_its_line(project, out, said):
    project.write_text(
        project.read_text().replace("${out}/cut.txt\n      size", f"{out}\n      size")
    )
    with pytest.raises(ConfigError, match=rf"line 9, steps\[0\]\.cut\.out: .*{said}"):
        read_project(project)


def test_home_is_the_users(project, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    project.write_text(project.read_text().replace("out: {root}", "out: ~"))
    text = project.read_text().replace(f"out: {tmp_path}/work", "out: ~/work")
    project.write_text(text)
    assert read_project(project).steps[0].out == tmp_path / "home" / "work" / "cut.txt"


def test_variables_and_settings_have_words_for_names(tmp_path):
    (tmp_path / "p.yaml").write_text("variables: {1: a}\nsteps: [{prepare: {1: 2, out: a}}]\n")
    with pytest.raises(ConfigError, match=r"line 1, variables\.1: a name is a word"):
        read_project(tmp_path / "p.yaml")
    (tmp_path / "p.yaml").write_text("steps: [{prepare: {1: 2, scene: a, out: b}}]\n")
    with pytest.raises(ConfigError, match=r"line 1, steps\[0\]\.prepare\.1: no such setting"):
        read_project(tmp_path / "p.yaml")


@pytest.mark.parametrize("trained_before", [True, False])
def test_what_a_killed_run_left_of_a_product_is_no_fault_where_a_step_makes_it(
    tmp_path, trained_before
):
    (tmp_path / "chips.zarr").mkdir()
    (tmp_path / "chips.zarr" / "zarr.json").write_text("{}")
    (tmp_path / "scene.tif").write_bytes(b"")
    (tmp_path / "model").mkdir()  # without model.json, which comes last
    train = "  - train: {chips: '${here}/chips.zarr', out: '${here}/model'}\n"
    use = (
        "  - evaluate: {model: '${here}/model', chips: '${here}/chips.zarr', out: '${here}/s.json'}\n"
        "  - predict: {model: '${here}/model', scene: '${here}/scene.tif', out: '${here}/map.tif'}\n"
    )
    project = tmp_path / "project.yaml"
    project.write_text("steps:\n" + (train if trained_before else "") + use)
    if trained_before:
        assert [step.verb for step in read_project(project).steps] == [
            "train",
            "evaluate",
            "predict",
        ]
    else:
        with pytest.raises(
            ConfigError, match=r"2 faults(.*\n)+.*evaluate.model: .*not a model folder"
        ):
            read_project(project)
