"""Names of precisions in configs."""

import pytest
import torch

from visionllm.errors import ConfigError
from visionllm.models.dtypes import find_dtype, native_dtype


def test_names_of_types():
    assert find_dtype('float32') is torch.float32 and find_dtype('bfloat16') is torch.bfloat16
    assert find_dtype('auto') is native_dtype()


@pytest.mark.parametrize('name', ['fp32', 'int8', 'half precision', 'Tensor', ''])
def test_a_name_that_is_no_type_of_real_numbers(name):
    with pytest.raises(ConfigError, match=f"dtype is '{name}': expected auto, float32, bfloat16 or float16"):
        find_dtype(name)
