"""What the stages learn by that bring something to the input embeddings of words. The language model is not run.

Dimensions: n embeddings, K words, E width of the language model.
"""

import torch.nn.functional as F
from torch import Tensor

from visionllm.models.similarity import embedding_distance, similarity_logits
from visionllm.structures import LossTerm

SCALE = 10.0  # of the cosine similarity to words


def alignment_losses(embeddings: Tensor, words: Tensor, truth: Tensor) -> dict[str, LossTerm]:
    """Which word embeddings are closest to, and their distance to the true one.

    Args:
        embeddings: ``float[n, E]``.
        words: ``float[K, E]``.
        truth: ``int[n]``, index of the true word.
    """
    logits = similarity_logits(embeddings, words, embeddings.new_tensor(SCALE).log())
    return dict(
        loss_word=LossTerm(F.cross_entropy(logits, truth, reduction='sum'), len(truth)),
        loss_distance=LossTerm(embedding_distance(embeddings, words[truth], words).sum(), len(truth)),
        acc_word=LossTerm(100 * (logits.argmax(-1) == truth).sum(), len(truth)))
