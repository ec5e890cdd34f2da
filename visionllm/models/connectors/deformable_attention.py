"""mmcv's deformable attention module with our op, which needs no compiled extension and is faster on a CPU.

Dimensions: B images, S pixels of all levels, Q queries, L levels, P points, H heads, C channels, D = C / H.
"""

from mmcv.ops import MultiScaleDeformableAttention
from torch import Tensor

from visionllm.ops import ms_deform_attn


class DeformableAttention(MultiScaleDeformableAttention):
    """Parameters and result as of mmcv's module."""

    def forward(self, query: Tensor, value: Tensor, query_pos: Tensor, key_padding_mask: Tensor,
                reference_points: Tensor, spatial_shapes: Tensor, **unused: object) -> Tensor:
        """Deformable attention of queries to pixels, with a residual connection.

        Args:
            query, query_pos: ``float[B, Q, C]``.
            value: ``float[B, S, C]``.
            key_padding_mask: ``bool[B, S]``, True = padding.
            reference_points: ``float[B, Q, L, 2 or 4]``: points, with offsets in pixels; or boxes (cxcywh), with
                offsets in half sides.
            spatial_shapes: ``int[L, 2]``, height and width.
            unused: Other arguments of mmdet's layers.

        Returns:
            ``float[B, Q, C]``, the query included.
        """
        query_with_pos = query + query_pos
        pixels = self.value_proj(value).masked_fill(key_padding_mask[..., None], 0.0)
        pixels = pixels.unflatten(-1, (self.num_heads, -1))  # [B, S, H, D]
        locations, weights = self.sampling(query_with_pos, reference_points, spatial_shapes)
        output = ms_deform_attn(pixels, spatial_shapes, locations, weights)
        return query + self.dropout(self.output_proj(output))

    def sampling(self, query_with_pos: Tensor, reference_points: Tensor,
                 spatial_shapes: Tensor) -> tuple[Tensor, Tensor]:
        """Where each query samples, and the weight of each sample.

        Args:
            query_with_pos: ``float[B, Q, C]``.
            reference_points, spatial_shapes: As of ``forward``.

        Returns:
            Locations ``float[B, Q, H, L, P, 2]`` (x, y) in [0, 1] of the padded image, and weights
            ``float[B, Q, H, L, P]``.
        """
        offsets = self.sampling_offsets(query_with_pos)
        offsets = offsets.unflatten(-1, (self.num_heads, self.num_levels, self.num_points, 2))
        weights = self.attention_weights(query_with_pos).unflatten(-1, (self.num_heads, -1)).softmax(-1)
        weights = weights.unflatten(-1, (self.num_levels, self.num_points))
        centers = reference_points[:, :, None, :, None, :2]
        if reference_points.shape[-1] == 4:
            locations = centers + offsets / self.num_points * reference_points[:, :, None, :, None, 2:] * 0.5
        else:
            locations = centers + offsets / spatial_shapes.flip(-1)[:, None]
        return locations, weights
