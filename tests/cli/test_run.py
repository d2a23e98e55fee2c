from __future__ import annotations

import json
import os


def actions(answer):
    return [step["action"] for step in answer.json["steps"]]


def test_a_project_is_done_once(geoloom, project, tmp_path):
    first = geoloom("run", project, "--json")
    assert first.code == 0
    assert actions(first) == ["do", "do"]
    assert (tmp_path / "work" / "joined.txt").read_text() == "aab"
    assert actions(geoloom("run", project, "--json")) == ["skip", "skip"]


def test_changed_settings_and_what_follows_from_them_are_done_again(geoloom, project, tmp_path):
    geoloom("run", project)
    planned = geoloom("run", project, "--set", "size=3", "--dry-run", "--json")
    assert actions(planned) == ["do", "do"]
    assert planned.json["steps"][0]["reason"] == "changed: size 2 -> 3"
    assert (tmp_path / "work" / "joined.txt").read_text() == "aab"
    assert actions(geoloom("run", project, "--set", "size=3", "--json")) == ["do", "do"]
    assert (tmp_path / "work" / "joined.txt").read_text() == "aaab"


def test_a_changed_input_repeats_only_what_reads_it(geoloom, project, tmp_path):
    geoloom("run", project)
    (tmp_path / "b.txt").write_text("bb")
    assert actions(geoloom("run", project, "--json")) == ["skip", "do"]
    os.utime(tmp_path / "a.txt", ns=(1, 1))
    assert actions(geoloom("run", project, "--json")) == ["do", "do"]


def test_incidental_settings_repeat_nothing(geoloom, project):
    geoloom("run", project)
    assert actions(geoloom("run", project, "--set", "cut.workers=2", "--json")) == ["skip", "skip"]


def test_again_repeats_everything(geoloom, project):
    geoloom("run", project)
    assert actions(geoloom("run", project, "--again", "--json")) == ["do", "do"]


def test_a_lost_product_is_made_again(geoloom, project, tmp_path):
    geoloom("run", project)
    (tmp_path / "work" / "cut.txt").unlink()
    assert actions(geoloom("run", project, "--json")) == ["do", "do"]


def test_an_interrupted_step_is_resumed(geoloom, project, tmp_path):
    geoloom("run", project)
    record = tmp_path / "work" / "joined.txt.run.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "status": "started"}))
    assert actions(geoloom("run", project, "--json")) == ["skip", "resume"]
    assert actions(geoloom("run", project, "--json")) == ["skip", "skip"]


def test_the_record_says_how_the_product_was_made(geoloom, project, tmp_path):
    geoloom("run", project)
    record = json.loads((tmp_path / "work" / "cut.txt.run.json").read_text())
    assert record["verb"] == "cut"
    assert record["settings"]["size"] == 2
    assert record["settings"]["rule"] == "mode"
    assert record["inputs"][0]["bytes"] == 1
    assert record["result"] == {"copies": 2, "resumed": False}
    assert record["status"] == "done"


def test_a_file_that_geoloom_did_not_make_is_left_alone(geoloom, project, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "joined.txt").write_text("precious")
    refused = geoloom("run", project)
    assert refused.code == 1
    assert "joined.txt" in refused.err
    assert "--overwrite" in refused.err
    assert not (tmp_path / "work" / "cut.txt").exists()
    assert geoloom("run", project, "--overwrite").code == 0
    assert (tmp_path / "work" / "joined.txt").read_text() == "aab"


def test_a_fault_in_the_file_is_a_failure_and_a_wrong_set_is_wrong_use(geoloom, project):
    project.write_text(project.read_text().replace("size: $", "sise: $"))
    wrong = geoloom("run", project)
    assert wrong.code == 1
    assert "did you mean 'size'" in wrong.err
    assert "Traceback" not in wrong.err
    project.write_text(project.read_text().replace("sise: $", "size: $"))
    assert geoloom("run", project, "--set", "sise=3").code == 2


def test_a_step_that_fails_stops_the_run_and_says_why(geoloom, project, tmp_path):
    failed = geoloom("run", project, "--set", "size=666", "--json")
    assert failed.code == 1
    assert failed.json["ok"] is False
    assert failed.json["message"] == "found 666 chips, expected fewer; lower size"
    assert not (tmp_path / "work" / "cut.txt.run.json").exists()
    unforeseen = geoloom("run", project, "--set", "size=667")
    assert unforeseen.code == 1
    assert "ZeroDivisionError: deep inside" in unforeseen.err
    assert "--debug" in unforeseen.err


def test_progress_in_a_pipe_is_plain_lines_and_quiet_is_quiet(geoloom, project):
    loud = geoloom("run", project)
    assert "[1/2] cut ->" in loud.err
    assert "cutting: 1/1 (100 %)" in loud.err
    assert "\x1b" not in loud.err
    assert geoloom("run", project, "--again", "--quiet").err == ""


def test_looking_at_a_file_in_a_gis_repeats_nothing(geoloom, project, tmp_path):
    geoloom("run", project)
    (tmp_path / "work" / "cut.txt.aux.xml").write_text("<statistics/>")
    assert actions(geoloom("run", project, "--json")) == ["skip", "skip"]


def test_a_shapefiles_table_is_part_of_it(geoloom, project, tmp_path):
    geoloom("run", project)
    (tmp_path / "a.dbf").write_text("another table")
    assert actions(geoloom("run", project, "--json")) == ["do", "do"]


def test_only_what_can_go_on_is_resumed_and_only_with_unchanged_inputs(geoloom, project, tmp_path):
    geoloom("run", project)
    for name in ("cut.txt", "joined.txt"):
        record = tmp_path / "work" / f"{name}.run.json"
        record.write_text(json.dumps({**json.loads(record.read_text()), "status": "started"}))
    (tmp_path / "b.txt").write_text("other")
    planned = geoloom("run", project, "--dry-run", "--json").json["steps"]
    assert [(step["action"], step["reason"]) for step in planned[:1]] == [("do", "interrupted")]
    assert planned[1]["action"] == "do"


def test_work_is_known_from_another_folder_and_after_a_move(
    geoloom, project, tmp_path, monkeypatch
):
    project.write_text(project.read_text().replace(str(tmp_path), "${here}"))
    geoloom("run", project)
    monkeypatch.chdir(tmp_path)
    assert actions(geoloom("run", "project.yaml", "--json")) == ["skip", "skip"]
    moved = tmp_path.with_name(tmp_path.name + "-moved")
    tmp_path.rename(moved)
    assert actions(geoloom("run", moved / "project.yaml", "--json")) == ["skip", "skip"]
    moved.rename(tmp_path)


def test_an_interrupted_run_says_what_is_kept(geoloom, project):
    stopped = geoloom("run", project, "--set", "size=668")
    assert stopped.code == 130
    assert "keeps what is done and starts over with cut" in stopped.err


def test_too_little_memory_is_reported_as_such(geoloom, project):
    failed = geoloom("run", project, "--set", "size=669")
    assert failed.code == 1
    assert "the memory is not enough (MemoryError: unable to allocate 8 TiB)" in failed.err
    assert "foresaw" not in failed.err
