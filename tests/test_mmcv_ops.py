import sys

import pytest

from visionllm import mmcv_ops


def test_mmdet_registers_everything_without_compiled_ops():
    from mmdet.registry import MODELS
    assert MODELS.get('DeformableDETR') is not None and MODELS.get('VisionLLM') is not None


def test_a_missing_op_says_what_to_do():
    if mmcv_ops.install():
        pytest.skip('this mmcv has its compiled ops')
    with pytest.raises(RuntimeError, match="compiled function 'nms'"):
        sys.modules[mmcv_ops.EXTENSION].nms()
