"""Names as an input of an exported model: read once by the language model, for any number of pictures.

Dimensions: V words, N named classes.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from visionllm.atomic_write import write_atomically
from visionllm.errors import UserError
from visionllm.language import TASKS, parse_instruction
from visionllm.language.instructions import MAX_CLASSES_PER_INSTRUCTION
from visionllm.language.same_names import groups_of_same_names
from visionllm.models import FormatQueryHead
from visionllm.models.heads.vocabulary_reader import VocabularyReader


class ExportError(UserError, ValueError):
    """A model or a vocabulary that cannot be exported."""


@dataclass(frozen=True)
class Vocabulary:
    """What the graph is told of the names."""
    names: tuple[str, ...]
    vocabulary: NDArray[np.float32]  # [V, N], the probability of each name given each word of the detector
    canonical: NDArray[np.int64]  # [N], index of the first name that means the same; of most names their own

    @classmethod
    @torch.no_grad()
    def read(cls, model: nn.Module, names: Sequence[str]) -> 'Vocabulary':
        """Read names with a model's language model.

        Args:
            model: A VisionLLM.
            names: At most ``MAX_CLASSES_PER_INSTRUCTION``.

        Raises:
            ExportError: There are too many; it is an expression; or the model reads no vocabulary.
            InstructionError: A name is invalid.
        """
        if len(names) > MAX_CLASSES_PER_INSTRUCTION:
            raise ExportError(f'{len(names)} names were given, and a vocabulary has {MAX_CLASSES_PER_INSTRUCTION} at '
                              'most: write several, and run the model once with each.')
        reader = tuple_head(model).class_reader
        instruction = parse_instruction(TASKS['detection'].write_instruction(names))
        if reader.find_expressions(model.llm, [instruction], model.connector.detector.class_names):
            raise ExportError(f'{names[0]!r} is read as an expression, which means one thing: only names are exported; '
                              'use `visionllm predict --expression`, or name something else beside it.')
        queries = model.llm.new_token_embeddings(['<cls>'])
        classes, _ = reader.read_words(model.llm, [instruction], model.connector.detector.class_names, queries)
        canonical = np.arange(len(names))
        for group in groups_of_same_names(names):
            canonical[group] = group[0]
        return cls(tuple(names), classes[0, :, :-1].float().exp().cpu().numpy(), canonical)

    @property
    def inputs(self) -> dict[str, NDArray]:
        """The inputs of the graph: ``vocabulary`` ``float[V, N]`` and ``canonical`` ``int[N]``."""
        return dict(vocabulary=self.vocabulary, canonical=self.canonical)

    @classmethod
    def load(cls, path: str | Path) -> 'Vocabulary':
        """What ``save`` wrote."""
        with np.load(path) as file:
            return cls(tuple(file['names'].tolist()), file['vocabulary'], file['canonical'])

    def save(self, path: str | Path) -> None:
        """Write ``.npz`` with ``names``, ``vocabulary`` and ``canonical``."""
        content = io.BytesIO()
        np.savez(content, names=np.array(self.names), **self.inputs)
        write_atomically(path, content.getvalue())


def tuple_head(model: nn.Module) -> FormatQueryHead:
    """The head of a model that reads names once for all pictures.

    Raises:
        ExportError: It has none.
    """
    heads = [head for head in model.heads.values() if isinstance(head, FormatQueryHead)]
    if not heads or not isinstance(heads[0].class_reader, VocabularyReader):
        raise ExportError('This model reads each picture with its language model, which is not exported: only models '
                          'on a published detector, such as photo, read names once for all pictures.')
    return heads[0]
