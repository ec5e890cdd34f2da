"""Deformable attention as mmcv has it, parameters and all, but for who reads the pixels.

mmcv's own reading needs a compiled extension on a GPU and takes 1.5 times as long on a CPU (docs/speed.md).
"""

from mmcv.ops import MultiScaleDeformableAttention
from torch import Tensor

from visionllm.ops import ms_deform_attn


class DeformableAttention(MultiScaleDeformableAttention):
    """Letters: B pictures, S pixels of all levels, Q queries, L levels, P points, H heads, C channels."""

    def forward(self, query: Tensor, value: Tensor, query_pos: Tensor, key_padding_mask: Tensor,
                reference_points: Tensor, spatial_shapes: Tensor, **unused) -> Tensor:
        """
        Args:
            query, query_pos: ``float[B, Q, C]``.
            value: ``float[B, S, C]``.
            key_padding_mask: ``bool[B, S]``, True = padding.
            reference_points: ``float[B, Q, L, 2 or 4]``: points, offsets from which are in pixels; or boxes (cxcywh),
                in half of whose sides offsets are.
            spatial_shapes: ``int[L, 2]``, height and width.
            unused: What mmdet's layers say besides.

        Returns:
            ``float[B, Q, C]``, the query added.
        """
        asked = query + query_pos
        pixels = self.value_proj(value).masked_fill(key_padding_mask[..., None], 0.0)
        pixels = pixels.unflatten(-1, (self.num_heads, -1))  # [B, S, H, D]
        offsets = self.sampling_offsets(asked).unflatten(-1, (self.num_heads, self.num_levels, self.num_points, 2))
        weights = self.attention_weights(asked).unflatten(-1, (self.num_heads, -1)).softmax(-1)
        weights = weights.unflatten(-1, (self.num_levels, self.num_points))
        centres = reference_points[:, :, None, :, None, :2]
        if reference_points.shape[-1] == 4:
            places = centres + offsets / self.num_points * reference_points[:, :, None, :, None, 2:] * 0.5
        else:
            places = centres + offsets / spatial_shapes.flip(-1)[:, None]
        read = ms_deform_attn(pixels, spatial_shapes, places, weights)
        return query + self.dropout(self.output_proj(read))
