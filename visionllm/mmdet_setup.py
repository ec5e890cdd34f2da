"""Imports MMDetection and what it builds on, prepared: without compiled operations where there are none, without
messages, and fast. Each package of this one that uses them imports this module first.
"""

from . import mmcv_ops, quiet, startup

with startup.deferred():
    mmcv_ops.install()  # before anything imports mmdet
    quiet.install()
    import mmdet.datasets  # noqa: F401
    import mmdet.evaluation  # noqa: F401
    import mmdet.models  # noqa: F401
