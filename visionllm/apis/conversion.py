"""Conversion of a published Deformable DETR to this package's parameter names, with a report on its tensors."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from visionllm.errors import ConfigError
from visionllm.models.checkpoint_loading import read_state_dict
from visionllm.models.connectors.detr_state_dict import COCO_IDS, to_mmdet_name
from visionllm.models.connectors.pretrained import NECK_BIAS, PARTS, QUERIES, rename_deformable_detr
from visionllm.models.safe_loading import save_safetensors

NOT_CONVERTED = ('A detector has no text guidance, text encoder, language model or heads: these keep their own initial '
                 'or pre-trained weights. Text guidance is initialized as the identity, so the tokens are those of the '
                 'detector at first.')


def convert_detr(source: str, out: str) -> str:
    """Write the tensors of a Deformable DETR that the image tokenizer uses, for ``TokenizerPretrained``.

    Args:
        source: Checkpoint of the authors, of Hugging Face or of MMDetection; path or URL.
        out: Path of the file to write, ``.safetensors``.

    Returns:
        A report: the tensors that are used, by part, and those that are not.

    Raises:
        ConfigError: The checkpoint is no Deformable DETR, or a two-stage one; or ``out`` has another suffix.
    """
    if Path(out).suffix != '.safetensors':
        raise ConfigError(f'{out} should end in .safetensors, the format that is written.')
    state = read_state_dict(source)
    renamed = rename_deformable_detr(state)
    used = {name: tensor.clone() for name, tensor in renamed.items() if name.startswith(PARTS)}
    if QUERIES not in used:
        raise ConfigError(f'{source} holds no Deformable DETR: of its {len(state)} tensors, the first being '
                          f'{next(iter(state), "none")}, none is the query embedding.')
    save_safetensors(used, out, dict(source=source))
    unused = sorted(renamed.keys() - used.keys())
    return '\n'.join([f'{source}: {len(state)} tensors, as {len(used)} in {out}', *_part_lines(state, used),
                      f'Unused: {", ".join(unused) or "none"}.', NOT_CONVERTED])


def _part_lines(state: dict[str, Tensor], used: dict[str, Tensor]) -> Iterator[str]:
    """For each part, its number of tensors and a note."""
    notes = dict(_notes(state, used))
    parts = dict.fromkeys('.'.join(name.split('.')[:2 if name.startswith('connector.') else 1]) for name in used)
    for part in parts:
        count = sum(name == part or name.startswith(f'{part}.') for name in used)
        yield f'  {part}: {count}{notes.get(part, "")}'


def _notes(state: dict[str, Tensor], used: dict[str, Tensor]) -> Iterator[tuple[str, str]]:
    if not any(name.endswith('num_batches_tracked') for name in used):
        yield 'backbone', ' (its batch norms are frozen: they have no num_batches_tracked)'
    biased = any(map(NECK_BIAS.match, used))
    yield 'neck', (' (with biases, which group norm does not cancel: needs bias=True in the config)' if biased else
                   ' (without biases: they are zero if the config has bias=True)')
    yield 'connector.query_embedding', f' ({len(used[QUERIES])} queries; a tokenizer with M queries uses the first M)'
    classes = {len(tensor) for name, tensor in state.items() if '.cls_branches.' in to_mmdet_name(name)}
    ids = f', of {COCO_IDS} ids without the 11 that COCO does not use' if classes == {COCO_IDS} else ''
    prototypes = len(used['connector.objectness_branches.0.bias'])
    yield 'connector.objectness_branches', (f' (its class branches, of {prototypes} classes{ids}; objectness is the '
                                            'log-sum-exp of the class logits)')
    first, second = (used.get(f'connector.reg_branches.{layer}.0.weight') for layer in (0, 1))
    refined = second is not None and not torch.equal(first, second)
    yield 'connector.reg_branches', (' (one per layer: for with_box_refine=True)' if refined else
                                     ' (one for all layers: for with_box_refine=False)')
