"""Text from a language model, by transformers' own generation: greedy, by beam search, or by sampling.

Dimensions: B texts, T tokens, E width of the language model.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .causal_lm import CausalLM
from .padding import left_pad


class Hypothesis(NamedTuple):
    """A text that continues a prompt."""
    text: str
    score: float  # probability of a token, the geometric mean over the text


@torch.no_grad()
def generate(llm: CausalLM, prompts: list[Tensor], max_new_tokens: int, num_beams: int = 1,
             temperature: float = 0.0) -> list[list[Hypothesis]]:
    """Continue each of B prompts until the language model ends its answer.

    Args:
        prompts: Input embeddings ``float[T, E]``.
        max_new_tokens: Longest answer.
        num_beams: Hypotheses of a beam search; 1 for none.
        temperature: Of sampling; 0 for the most likely answer.

    Returns:
        For each prompt as many hypotheses as there are beams, the best first.
    """
    embeddings, mask, positions = left_pad(prompts)
    sampling = dict(do_sample=True, temperature=temperature) if temperature else {}
    model, end = llm.causal_lm, llm.vocabulary.end
    embeddings, attention_mask = embeddings.to(model.dtype), mask.long()
    # transformers would read the prompt once for each beam, and compute logits for all of its tokens
    prefix = llm.decoder(inputs_embeds=embeddings[:, :-1], attention_mask=attention_mask[:, :-1],
                         position_ids=positions[:, :-1], use_cache=True).past_key_values
    prefix.batch_repeat_interleave(num_beams)
    output = model.generate(
        inputs_embeds=embeddings, attention_mask=attention_mask, past_key_values=prefix, max_new_tokens=max_new_tokens,
        num_beams=num_beams, num_return_sequences=num_beams, eos_token_id=end, pad_token_id=end,
        return_dict_in_generate=True, output_scores=True, **(dict(do_sample=False) | sampling))
    log_probs = model.compute_transition_scores(output.sequences, output.scores, output.get('beam_indices'),
                                                normalize_logits=True)
    said = output.sequences != end
    mean = log_probs.masked_fill(~said, 0).sum(1) / said.sum(1).clamp_min(1)
    found = [Hypothesis(llm.vocabulary.decode(ids), score)
             for ids, score in zip(output.sequences.tolist(), mean.exp().tolist())]
    return [found[first:first + num_beams] for first in range(0, len(found), num_beams)]
