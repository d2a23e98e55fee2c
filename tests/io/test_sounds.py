"""Sounds of WAV files, written by the standard library."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from geoloom.core.errors import ReadError
from geoloom.io.sounds import read_sound


def written(path, raw, width, channels=1):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(44_100)
        file.writeframes(raw)
    return path


@pytest.mark.parametrize(
    ("raw", "width", "values"),
    [
        (bytes([0, 64, 128, 192, 255]), 1, [-1, -0.5, 0, 0.5, 127 / 128]),
        (np.array([-32768, 0, 16384, 32767], "<i2").tobytes(), 2, [-1, 0, 0.5, 32767 / 32768]),
        (bytes([0, 0, 128, 0, 0, 0, 0, 0, 64]), 3, [-1, 0, 0.5]),
        (np.array([-(2**31), 0, 2**30], "<i4").tobytes(), 4, [-1, 0, 0.5]),
    ],
)
def test_numbers_of_any_width_lie_between_minus_1_and_1(tmp_path, raw, width, values):
    sound = read_sound(written(tmp_path / "a.wav", raw, width))
    assert (sound.values.dtype, sound.rate_hz) == (np.float32, 44_100)
    np.testing.assert_array_equal(sound.values, np.float32(values))


def test_channels_are_averaged(tmp_path):
    stereo = np.array([[16384, -16384], [8192, 24576]], "<i2")
    sound = read_sound(written(tmp_path / "a.wav", stereo.tobytes(), 2, channels=2))
    np.testing.assert_array_equal(sound.values, [0, 0.5])


def test_files_that_are_no_sound(tmp_path):
    path = written(tmp_path / "a.wav", bytes(1000), 2)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        ReadError, match=r"a\.wav cannot be read as a sound: it has 944 bytes of 1,044"
    ):
        read_sound(path)
    path.write_bytes(b"<html>not here</html>")
    with pytest.raises(
        ReadError, match=r"a\.wav cannot be read as a sound: .* expected a WAV file"
    ):
        read_sound(path)
    with pytest.raises(ReadError, match="cannot be read as a sound"):
        read_sound(tmp_path / "none.wav")


@pytest.mark.filterwarnings("ignore:Chunk .non-data. not understood")
def test_damaged_files_are_refused_whatever_is_damaged(tmp_path):
    path = written(tmp_path / "a.wav", bytes(200), 2)
    whole = path.read_bytes()
    refusals = []
    for at in range(44):
        for value in (0, 1, 255):
            path.write_bytes(whole[:at] + bytes([value]) + whole[at + 1 :])
            try:
                assert read_sound(path).values.ndim == 1
            except ReadError as error:
                refusals.append(str(error))
    assert 50 < len(refusals) < 44 * 3
    assert all("a.wav cannot be read as a sound" in refusal for refusal in refusals)
