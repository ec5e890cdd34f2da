"""The tokens that are added to the language model's vocabulary (paper, section 3.3).

They follow the base vocabulary, in this order: 1025 location tokens ``<p-512> ... <p512>`` (offsets from the image
token's location in 1/512 of the image's side), 512 class tokens ``<c0> ... <c511>``, ``<none>`` (no-object), the format
tokens ``<cls> <x1> <y1> ... <x64> <y64>`` (queries), and ``<image>``.
"""

from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from visionllm.errors import ConfigError

from .output_format import MAX_POINTS

LOCATION_RANGE = 512
NUM_LOCATION_TOKENS = 2 * LOCATION_RANGE + 1
NUM_CLASS_TOKENS = 512

LOCATION_TOKENS = [f'<p{i}>' for i in range(-LOCATION_RANGE, LOCATION_RANGE + 1)]
CLASS_TOKENS = [f'<c{i}>' for i in range(NUM_CLASS_TOKENS)]
FORMAT_TOKENS = ['<cls>'] + [f'<{axis}{i + 1}>' for i in range(MAX_POINTS) for axis in 'xy']
NEW_TOKENS = [*LOCATION_TOKENS, *CLASS_TOKENS, '<none>', *FORMAT_TOKENS, '<image>']


@dataclass(frozen=True)
class Vocabulary:
    """A Hugging Face tokenizer with the added tokens."""
    tokenizer: PreTrainedTokenizerBase
    base_size: int  # rows of the base model's embedding matrix; added token k has the id base_size + k

    def new_index(self, token: str) -> int:
        """Index of an added token among the added tokens."""
        return _INDEX[token]

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, added tokens included; no special tokens are inserted."""
        return self.tokenizer(text, add_special_tokens=False)['input_ids']

    @property
    def start(self) -> list[int]:
        """Ids of the tokens that the tokenizer puts before every text, such as LLaMA's ``<s>``."""
        return self.tokenizer('')['input_ids']

    @property
    def end(self) -> int:
        """Id of the end-of-sequence token."""
        return self.tokenizer.eos_token_id

    def decode(self, ids: list[int]) -> str:
        """Text of token ids, up to the first end-of-sequence token; special tokens are skipped."""
        ids = ids[:ids.index(self.end)] if self.end in ids else ids
        return self.tokenizer.decode(ids, skip_special_tokens=True).strip()


_INDEX = {token: index for index, token in enumerate(NEW_TOKENS)}


def extend_tokenizer(tokenizer: PreTrainedTokenizerBase, base_size: int) -> Vocabulary:
    """Add the new tokens to a tokenizer, in place; idempotent.

    Args:
        tokenizer: Tokenizer of the language model.
        base_size: Number of rows of the language model's embedding matrix.

    Raises:
        ConfigError: The tokenizer belongs to another model: the ids of the new tokens would not start at ``base_size``.
    """
    if len(tokenizer) > base_size and NEW_TOKENS[0] not in tokenizer.get_vocab():
        raise ConfigError(f'The tokenizer has {len(tokenizer)} tokens and the language model {base_size} rows; this is '
                          'the tokenizer of another model. Put the files of its own tokenizer beside its weights.')
    fill = [f'<unused-{i}>' for i in range(len(tokenizer), base_size)]  # embedding matrices are often padded
    tokenizer.add_tokens(fill + NEW_TOKENS, special_tokens=True)
    first_id = tokenizer.convert_tokens_to_ids(NEW_TOKENS[0])
    if first_id != base_size:
        raise ConfigError(f'The new tokens start at id {first_id}; expected {base_size}, the rows of the base model.')
    return Vocabulary(tokenizer, base_size)
