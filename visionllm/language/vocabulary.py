"""The words that a language model must learn to speak of places.

They stand after the base model's own vocabulary, in this order: 1025 location tokens ``<p-512> ... <p512>`` (offset
from the image token's place in 1/512 of the picture's side), 512 class tokens ``<c0> ... <c511>``, ``<none>`` (none
of the named classes), the format tokens ``<cls> <x1> <y1> ... <x64> <y64>`` (queries), and ``<image>``.
"""

from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from .formats import MAX_POINTS

LOCATION_RANGE = 512
NUM_LOCATION_TOKENS = 2 * LOCATION_RANGE + 1
NUM_CLASS_TOKENS = 512

LOCATION_TOKENS = [f'<p{i}>' for i in range(-LOCATION_RANGE, LOCATION_RANGE + 1)]
CLASS_TOKENS = [f'<c{i}>' for i in range(NUM_CLASS_TOKENS)]
FORMAT_TOKENS = ['<cls>'] + [f'<{axis}{i + 1}>' for i in range(MAX_POINTS) for axis in 'xy']
NEW_TOKENS = [*LOCATION_TOKENS, *CLASS_TOKENS, '<none>', *FORMAT_TOKENS, '<image>']


@dataclass(frozen=True)
class Vocabulary:
    """A Hugging Face tokenizer that knows the new tokens, and where their ids lie."""
    tokenizer: PreTrainedTokenizerBase
    base_size: int  # rows of the base model's embedding; new token k has id base_size + k

    def new_index(self, token: str) -> int:
        """Row of a new token in the table of new rows."""
        return _INDEX[token]

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, new tokens included, nothing added."""
        return self.tokenizer(text, add_special_tokens=False)['input_ids']

    @property
    def end(self) -> int:
        """Id of the token that ends what is said."""
        return self.tokenizer.eos_token_id

    def decode(self, ids: list[int]) -> str:
        """Text of token ids, up to the first that ends it."""
        ids = ids[:ids.index(self.end)] if self.end in ids else ids
        return self.tokenizer.decode(ids, skip_special_tokens=True).strip()


_INDEX = {token: index for index, token in enumerate(NEW_TOKENS)}


def extend_tokenizer(tokenizer: PreTrainedTokenizerBase, base_size: int) -> Vocabulary:
    """Add the new tokens to a tokenizer (idempotent).

    Raises:
        ValueError: The tokenizer is not the model's: its ids would not follow the model's ``base_size`` rows.
    """
    if len(tokenizer) > base_size and NEW_TOKENS[0] not in tokenizer.get_vocab():
        raise ValueError(f'The tokenizer has {len(tokenizer)} tokens and the language model {base_size} rows; this is '
                         'not the model\'s own tokenizer. Put the files of its own beside its weights.')
    fill = [f'<unused-{i}>' for i in range(len(tokenizer), base_size)]  # a model may have more rows than tokens
    tokenizer.add_tokens(fill + NEW_TOKENS, special_tokens=True)
    first = tokenizer.convert_tokens_to_ids(NEW_TOKENS[0])
    if first != base_size:
        raise ValueError(f'New tokens start at id {first}, the model has {base_size} rows of its own.')
    return Vocabulary(tokenizer, base_size)
