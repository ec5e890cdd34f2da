"""Files are read while the model computes: to decode a photograph of a camera takes longer than to answer."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar('Item')

ITEMS_AHEAD = 8  # photographs of 36 MB each
THREADS = max(1, (os.cpu_count() or 1) // 2)  # the model has the other cores
END = object()


def prefetch(readers: Iterator[Iterator[Item]]) -> Iterator[Iterator[Item]]:
    """The same readers, in the same order; threads get the first item of the next ones."""
    pool = ThreadPoolExecutor(THREADS, 'prefetch')
    started: deque[tuple[Future, Iterator[Item]]] = deque()
    try:
        for reader in readers:
            started.append((pool.submit(next, reader, END), reader))
            if len(started) > ITEMS_AHEAD:
                yield _items(*started.popleft())
        while started:
            yield _items(*started.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _items(first: Future, reader: Iterator[Item]) -> Iterator[Item]:
    item = first.result()
    if item is not END:
        yield item
        yield from reader
