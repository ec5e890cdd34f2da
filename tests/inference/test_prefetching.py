from threading import Event, current_thread, main_thread

import numpy as np
import pytest

from visionllm.inference.prefetching import ITEMS_AHEAD, prefetch
from visionllm.inference.sources import read_frames


def fail(message):
    raise ValueError(message)
    yield


def test_items_keep_their_order_and_errors_their_place():
    readers = [iter('ab'), iter(''), fail('first'), iter('c'), fail('second'), *(iter([n]) for n in range(30))]
    found = []
    for reader in prefetch(iter(readers)):
        try:
            found += reader
        except ValueError as error:
            found.append(str(error))
    assert found == ['a', 'b', 'first', 'c', 'second', *range(30)]


def test_the_next_items_are_read_while_one_is_used():
    read = [Event() for _ in range(3)]

    def reader(event):
        event.set()
        yield current_thread()

    items = (item for each in prefetch(reader(event) for event in read) for item in each)
    assert next(items) is not main_thread()
    assert all(event.wait(10) for event in read)  # of one item that was asked for


def test_who_stops_early_does_not_wait_for_the_rest():
    read = []

    def reader(number):
        read.append(number)
        yield number

    readers = prefetch(reader(number) for number in range(1000))
    assert next(next(readers)) == 0
    readers.close()
    assert len(read) <= ITEMS_AHEAD + 1


@pytest.mark.parametrize('count', [1, 3])
def test_images_that_come_one_by_one_are_not_waited_for(count):
    taken = []

    def camera():
        for number in range(100):
            taken.append(number)
            yield np.zeros((4, 4, 3), np.uint8)

    frames = read_frames(camera())
    for _ in range(count):
        next(frames)
    assert len(taken) == count
