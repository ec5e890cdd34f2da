"""Teach where points that have names lie within objects, as far as image tokens tell; no language model is run."""

from mmdet.registry import HOOKS
from torch import nn

from visionllm.models.samples import instruction_of, target_of
from visionllm.structures import Mean

from .lesson import Lesson
from .tracing import look_at_objects


@HOOKS.register_module()
class TeachPlacing(Lesson):
    """Train ``NamedPlaces`` of the tuples' head on batches that ask for points by their names.

    Arguments as of ``Lesson``.
    """

    shown = ('loss_loc', 'loss_box')

    def parts(self, model) -> list[nn.Module]:
        """The named places.

        Raises:
            ValueError: There are none.
        """
        if model.heads['tuples'].named_places is None or model.second_look is None:
            raise ValueError('TeachPlacing needs something to teach, and close-ups to find it in: set named_places in '
                             'model.heads.tuples, and model.second_look.')
        return [model.heads['tuples'].named_places]

    def losses(self, model, batch: dict) -> dict[str, Mean]:
        """Of the tokens that are paired with an object."""
        data = model.data_preprocessor(batch, training=True)
        samples = data['data_samples']
        targets = [target_of(sample) for sample in samples]
        tokens = look_at_objects(model, data, targets)
        return model.heads['tuples'].place_loss(model.llm, instruction_of(samples[0]).output_format, tokens, targets)
