"""Images as published detectors and encoders take them, which resize and normalize on their own.

Dimensions: B images, H x W the padded input, h x w of one image.
"""

from mmdet.registry import MODELS
from mmengine.model import BaseDataPreprocessor, stack_batch


@MODELS.register_module()
class UInt8DataPreprocessor(BaseDataPreprocessor):
    """RGB images in bytes, padded with zeros at the right and below to the largest of the batch.

    For a ``DetectorTokenizer`` or a ``GridTokenizer``, in place of ``DetDataPreprocessor``: its normalized floats have
    four times the bytes and would be made bytes again.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """The batch with ``inputs`` as ``uint8[B, 3, H, W]``, RGB, on the model's device.

        Args:
            data: ``inputs``, ``uint8[3, h, w]`` each, BGR, and ``data_samples``.
            training: Unused.
        """
        data = self.cast_data(data)
        return {**data, 'inputs': stack_batch(data['inputs']).flip(1)}
