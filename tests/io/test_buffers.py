"""Recycled memory is never shared with anything alive."""

from __future__ import annotations

import threading

import numpy as np

from geoloom.io.buffers import Buffers


def test_memory_is_used_again_only_when_no_reference_is_left():
    pool = Buffers()
    first = pool.take((4, 5), "float32")
    place, view = first.ctypes.data, first[1:, 2:]
    second = pool.take((4, 5), "float32")
    assert second.ctypes.data != place
    del first
    other = pool.take((4, 5), "float32")
    assert not np.shares_memory(other, view)
    del view
    assert pool.take((5, 4), "float32").ctypes.data == place


def test_a_tensor_holds_its_memory():
    import torch

    pool = Buffers()
    tensor = torch.from_numpy(pool.take((8,), "int64"))
    tensor.fill_(7)
    part = tensor[2:]
    del tensor
    pool.take((8,), "int64").fill(9)
    assert part.tolist() == [7] * 6


def test_spare_memory_is_bounded():
    pool = Buffers(spare_bytes=1000)
    taken = [pool.take((400,), "uint8") for _ in range(10)]
    assert len(pool._memory) == 10
    del taken
    pool.take((4000,), "uint8")
    assert sum(m.size for m in pool._memory if m.size == 400) <= 1000


def test_small_needs_do_not_take_large_memory():
    pool = Buffers()
    large = pool.take((1000,), "uint8")
    place = large.ctypes.data
    del large
    assert pool.take((100,), "uint8").ctypes.data != place


def test_threads_never_share():
    pool = Buffers()
    wrong = []

    def work(number):
        for _ in range(300):
            mine = pool.take((64,), "int32")
            mine.fill(number)
            if (mine != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
