"""One writer at a time, whole or not at all, never over an input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from geoloom.core import files
from geoloom.core.errors import WriteError

HOLDER = """
import sys, time
from pathlib import Path
from geoloom.core.files import hold
with hold(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def holder_of(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "locked\n"
    return process


def test_a_second_process_learns_who_writes(tmp_path):
    product = tmp_path / "map.tif"
    process = holder_of(product)
    try:
        with (
            pytest.raises(WriteError, match=f"written by process {process.pid} on "),
            files.hold(product),
        ):
            pass
    finally:
        process.kill()
        process.wait()
    with files.hold(product):  # the lock ended with its process
        pass
    assert os.listdir(tmp_path) == []


def test_one_thread_may_hold_what_it_holds_and_another_may_not(tmp_path):
    product, refused = tmp_path / "map.tif", []

    def other():
        try:
            with files.hold(product):
                pass
        except WriteError as error:
            refused.append(str(error))

    with files.hold(product), files.hold(product):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(refused) == 1
    assert f"process {os.getpid()}" in refused[0]
    assert os.listdir(tmp_path) == []


def test_locks_that_are_taken_and_dropped_at_once_never_have_two_holders(tmp_path):
    count = tmp_path / "count"
    count.write_text("0")
    code = """
import sys
from pathlib import Path
from geoloom.core.files import hold
count = Path(sys.argv[1])
for _ in range(200):
    with hold(count, wait_s=60):
        count.write_text(str(int(count.read_text()) + 1))
"""
    both = [subprocess.Popen([sys.executable, "-c", code, str(count)]) for _ in range(3)]
    assert [process.wait() for process in both] == [0, 0, 0]
    assert count.read_text() == "600"


def test_an_error_keeps_what_was_there_and_leaves_nothing(tmp_path):
    product = tmp_path / "a.json"
    product.write_text("before")

    def cut_short():
        with files.replacing(product) as scratch:
            scratch.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_short()
    assert product.read_text() == "before"
    assert os.listdir(tmp_path) == ["a.json"]


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path):
    product = tmp_path / "a.json"
    code = """
import os, signal, sys
from pathlib import Path
from geoloom.core.files import replacing
with replacing(Path(sys.argv[1])) as scratch:
    scratch.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, str(product)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not product.exists()
    assert len(os.listdir(tmp_path)) == 2
    files.write_text(product, "whole")
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_file_has_the_rights_that_the_umask_leaves(tmp_path):
    before = os.umask(0o022)
    try:
        files.write_text(tmp_path / "a.json", "{}")
    finally:
        os.umask(before)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o644


def test_an_input_is_never_replaced(tmp_path):
    scene, link = tmp_path / "scene.tif", tmp_path / "link.tif"
    scene.write_text("pixels")
    link.symlink_to(scene)
    for product in (scene, link):
        with pytest.raises(WriteError, match="is an input of this command"):
            files.may_replace(product, overwrite=True, inputs=[scene])
    (tmp_path / "work").mkdir()
    inside = tmp_path / "work" / "scene.tif"
    inside.write_text("pixels")
    with pytest.raises(WriteError, match="holds the input"):
        files.may_replace(tmp_path / "work", overwrite=True, inputs=[inside], folder=True)
    files.may_replace(tmp_path / "map.tif", overwrite=False, inputs=[scene, "s3://bucket/a.tif"])


@pytest.mark.parametrize("name", ["", "/", "..", "a\nb.tif", "x" * 300])
def test_a_path_that_names_no_product_is_refused(tmp_path, name):
    path = tmp_path / name if len(name) > 3 else files.Path(name)
    with pytest.raises(WriteError):
        files.check_name(path)


def test_a_full_disk_is_said_as_such(tmp_path):
    with (
        pytest.raises(WriteError, match=r"cannot write .*a\.tif: the disk is full"),
        files.writing(tmp_path / "a.tif"),
        open("/dev/full", "w") as file,
    ):
        file.write("x" * 100_000)


def test_what_a_writer_left_that_was_killed_at_its_end_is_swept(tmp_path):
    index = tmp_path / "index.parquet"
    files.write_text(index, "whole")
    (tmp_path / ".index.parquet.lock").touch()
    (tmp_path / ".index.parquet.part").write_text("half")
    files.sweep(index)
    assert os.listdir(tmp_path) == ["index.parquet"]
    process = holder_of(index)
    try:
        files.sweep(index)  # somebody writes it: nothing of theirs goes
        assert len(os.listdir(tmp_path)) == 2
    finally:
        process.kill()
        process.wait()


def test_a_folder_of_scratch_is_empty_whatever_was_left_and_goes_with_the_block(tmp_path):
    product = tmp_path / "p.tif"
    left = tmp_path / ".p.tif.work"
    left.mkdir()
    (left / "joined.tif").write_text("half")
    with files.scratch_folder(product) as folder:
        assert folder == left
        assert os.listdir(folder) == []
    assert os.listdir(tmp_path) == []


def test_a_lock_is_had_until_the_last_that_took_it_lets_go(tmp_path):
    product = tmp_path / "map.tif"
    inner = files.hold(product)
    with files.hold(product):
        inner.__enter__()
    assert os.listdir(tmp_path) == [".map.tif.lock"]
    inner.__exit__(None, None, None)
    assert os.listdir(tmp_path) == []
    with pytest.raises(WriteError, match="is not a folder"), files.hold(tmp_path / "no" / "a.tif"):
        pass
    assert not (tmp_path / "no").exists()
