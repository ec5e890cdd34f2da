"""A published Deformable DETR as a file of our own names, and a report of what became of each of its tensors."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from visionllm.engine.checkpoint import save_safetensors
from visionllm.models.connectors.detr_names import COCO_IDS, by_mmdet_name
from visionllm.models.connectors.pretrained import NECK_BIAS, PARTS, QUERIES, rename_deformable_detr
from visionllm.models.published import read_published

ANEW = ('Guidance by text, the text encoder, the language model and its heads are in no detector: they start anew or '
        'from their own weights. Guidance starts as the identity, so tokens first stand where the detector sees.')


def convert_detr(source: str, out: str) -> str:
    """Write a Deformable DETR's tensors by our names, for ``TokenizerPretrained``.

    Args:
        source: Checkpoint of the authors, of Hugging Face or of MMDetection; path or URL.
        out: To be written, ``.safetensors``.

    Returns:
        What has a place in the tokenizer, what has none, and why that is right.

    Raises:
        ValueError: It is no Deformable DETR, or a two-stage one; or ``out`` is called otherwise.
    """
    if Path(out).suffix != '.safetensors':
        raise ValueError(f'{out} should end in .safetensors, the format that is written.')
    state = read_published(source)
    renamed = rename_deformable_detr(state)
    placed = {name: tensor.clone() for name, tensor in renamed.items() if name.startswith(PARTS)}
    if QUERIES not in placed:
        raise ValueError(f'{source} holds no Deformable DETR: of its {len(state)} tensors, the first being '
                         f'{next(iter(state), "none")}, none is the embedding of its queries.')
    save_safetensors(placed, out, dict(source=source))
    left = sorted(renamed.keys() - placed.keys())
    return '\n'.join([f'{source}: {len(state)} tensors, as {len(placed)} in {out}', *_parts(state, placed),
                      f'Without a place: {", ".join(left) or "none"}.', ANEW])


def _parts(state: dict[str, Tensor], placed: dict[str, Tensor]) -> Iterator[str]:
    """A line a part: how many tensors, and what there is to know."""
    notes = dict(_notes(state, placed))
    parts = dict.fromkeys('.'.join(name.split('.')[:2 if name.startswith('connector.') else 1]) for name in placed)
    for part in parts:
        count = sum(name == part or name.startswith(f'{part}.') for name in placed)
        yield f'  {part}: {count}{notes.get(part, "")}'


def _notes(state: dict[str, Tensor], placed: dict[str, Tensor]) -> Iterator[tuple[str, str]]:
    if not any(name.endswith('num_batches_tracked') for name in placed):
        yield 'backbone', ' (its batch norms are frozen and have counted no batches)'
    biased = any(map(NECK_BIAS.match, placed))
    yield 'neck', (' (with biases, which a group norm does not undo: its config needs bias=True)' if biased else
                   ' (without biases: as if they were zero, where its config has bias=True)')
    yield 'connector.query_embedding', f' ({len(placed[QUERIES])} queries; a tokenizer of M takes the first M)'
    classes = {len(tensor) for name, tensor in state.items() if '.cls_branches.' in by_mmdet_name(name)}
    ids = f', of {COCO_IDS} ids without the 11 that no category of COCO has' if classes == {COCO_IDS} else ''
    rows = len(placed['connector.objectness_branches.0.bias'])
    yield 'connector.objectness_branches', (f' (its class branches: a token is something if it is like one of {rows} '
                                            f'classes{ids}, whichever; their names are not needed)')
    first, second = (placed.get(f'connector.reg_branches.{layer}.0.weight') for layer in (0, 1))
    refined = second is not None and not torch.equal(first, second)
    yield 'connector.reg_branches', (' (of each layer its own: for with_box_refine=True)' if refined else
                                     ' (one for all layers: for with_box_refine=False)')
