"""Silences messages of other packages that mean nothing to users of this one. Warnings that matter stay.

Nothing is silenced for users who set the variable ``VISIONLLM_VERBOSE``.
"""

import contextlib
import io
import logging
import os
import warnings

IGNORED_WARNINGS = (
    r'torch\.meshgrid: in an upcoming release',  # of mmdet's positional encoding
    r'Already found a `peft_config`',  # a second LoRA, for text, is meant
    r'.*found in sys\.modules after import of package',  # of `python -m visionllm.assets`
)


def install() -> None:
    """Silence the import of mmdet's datasets, COCO's indexing, transformers' load reports, and some warnings.

    In any case albumentations, which mmdet imports, is kept from asking PyPI for its latest version.
    """
    os.environ.setdefault('NO_ALBUMENTATIONS_UPDATE', '1')
    if os.environ.get('VISIONLLM_VERBOSE'):
        return
    for message in IGNORED_WARNINGS:
        warnings.filterwarnings('ignore', message)
    with contextlib.redirect_stdout(io.StringIO()):  # "Could not import OneDL"
        import mmdet.datasets  # noqa: F401
    _silence_coco()
    _silence_transformers()


def _silence_coco() -> None:
    """Log "loading annotations into memory" and "index created" instead of printing them."""
    from mmdet.datasets.api_wrappers import coco_api
    from pycocotools import coco
    for module in (coco, coco_api):
        module.print = logging.getLogger(module.__name__).debug  # found before the built-in function


def _silence_transformers() -> None:
    """No report of weights that a model has no use for (missing weights are errors here), and no progress bars."""
    from transformers.utils import logging as transformers_logging
    for name in ('modeling_utils', 'distributed.tensor_parallel'):
        logging.getLogger(f'transformers.{name}').setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
