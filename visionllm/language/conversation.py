"""How instructions, questions and answers are written as one text.

    LINES   Describe <image> as (text).⏎ A cat. <end> ⏎And what else?⏎ A dog. <end>
    V1      USER: <image>⏎What is this? ASSISTANT:A cat. <end> USER: And what else? ASSISTANT:A dog. <end>
    PLAIN   <image>⏎ A cat. <end>

``<end>`` is the language model's own token. Where its tokenizer starts a text with a space, as LLaMA's does, an answer
has one before it.
"""

from dataclasses import dataclass

from visionllm.errors import ConfigError

from .instructions import IMAGE_SLOT
from .output_format import without_output_tuple


@dataclass(frozen=True)
class Conversation:
    """Texts around an instruction and around the questions after it; ``{}`` is what is said."""
    first: str
    later: str
    with_tuple: bool = False  # leave the output tuple in the instruction

    def open(self, instruction: str) -> str:
        """Everything before the first answer, with ``<image>`` once."""
        return self.first.replace('{}', instruction if self.with_tuple else without_output_tuple(instruction))

    def ask(self, question: str) -> str:
        """Everything between an answer and the next one."""
        return self.later.replace('{}', question)


CONVERSATIONS = dict(
    lines=Conversation('{}\n', '\n{}\n', with_tuple=True),
    plain=Conversation(f'{IMAGE_SLOT}\n', '\n{}\n'),  # LLaVA's first stage
    v1=Conversation('USER: {} ASSISTANT:', 'USER: {} ASSISTANT:'))  # LLaVA's second stage


def find_conversation(name: str) -> Conversation:
    """The template of a name.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in CONVERSATIONS:
        raise ConfigError(f'There is no conversation {name!r}; the templates are {", ".join(CONVERSATIONS)}.')
    return CONVERSATIONS[name]
