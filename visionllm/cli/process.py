"""How the process of a command uses its machine; a library leaves this to the program that imports it."""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT_BYTES = 1 << 27


def limit_spinning() -> None:
    """Let OpenMP's threads wait for one another without keeping the cores of other programs busy, which makes a command
    ten times slower beside one. A short spin (1000 rounds, GCC's runtime only) is a fifth faster than none."""
    if 'OMP_WAIT_POLICY' not in os.environ:
        os.environ['OMP_WAIT_POLICY'] = 'passive'
        os.environ.setdefault('GOMP_SPINCOUNT', '1000')


def keep_freed_memory() -> None:
    """Let glibc use freed memory again, up to 128 MiB. Otherwise it goes back to the system, which fills it with zeros
    for each large tensor: a sixth of the CPU time of a batch of photographs."""
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None) if sys.platform == 'linux' else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
