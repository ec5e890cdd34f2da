"""Several questions behind one image, each asked as if it were alone."""

import copy

import numpy as np
import pytest
import torch
from mmdet.registry import MODELS
from mmengine.registry import init_default_scope

from visionllm.engine.pretraining import SceneQuestions
from visionllm.engine.pretraining.progress import StageProgress
from visionllm.engine.pretraining.scene_questions import (
    DESCRIBE,
    LAYOUT,
    QUESTION_SLOT,
    write_questions,
)
from visionllm.errors import ConfigError
from visionllm.language import parse_instruction
from visionllm.models.heads.next_token import embed_around_image, tokenize_parts
from visionllm.models.samples import build_target

from ...conftest import load_config, sample_batch, stage_runner

TEXT = 'Describe the picture. <image> (text)'


def described_batch(size: int = 2) -> dict:
    """Images of objects with a name of four words."""
    batch, kinds = sample_batch(TEXT, size), [f'{colour} matte {shape}' for colour in ('red', 'blue', 'green', 'white')
                                              for shape in ('star', 'ring', 'moon')]
    for sample in batch['data_samples']:
        sample.set_metainfo(dict(text=tuple(f'large {kind}' for kind in kinds[:len(sample.text)])))
    return batch


@pytest.fixture(scope='module', params=['v1', 'lines'])
def llava(request):
    """The tiny LLaVA. Do not train it."""
    init_default_scope('mmdet')
    torch.manual_seed(0)
    cfg = load_config('configs/llava/llava_tiny_scenes.py').model
    cfg.heads.text.conversation = request.param
    return MODELS.build(cfg)


def test_they_are_learned_by_projector_and_language_model_alone(llava):
    model, batch = copy.deepcopy(llava), described_batch()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stage = SceneQuestions('questions', steps=15, lr=3e-3, projector_lr=3e-3)

    def loss() -> float:
        torch.manual_seed(1)  # the same questions
        found = stage.losses(model, copy.deepcopy(batch))
        return sum(float(found[name].value) for name in ('loss_answer', 'loss_description'))
    first = loss()
    stage.run(stage_runner(model, [copy.deepcopy(batch) for _ in range(15)]), StageProgress())
    assert loss() < first - 0.2
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed and all(name.startswith(('llm.', 'heads.text.image_prompt.')) for name in changed)


def test_a_question_is_written_as_a_conversation_opens_with_it(llava):
    head, llm = llava.heads['text'], llava.llm
    instruction = parse_instruction('<image>\nis there a star? (text)')
    image = torch.randn(4, llm.width)
    whole, = head.embed_prompts(llm, [instruction], [image])
    before, after = head.conversation.open(LAYOUT).split(QUESTION_SLOT)
    ids, learned = tokenize_parts(llm, ('is there a star?' + after, 'yes'), first_learned=False)
    assert torch.equal(torch.cat([embed_around_image(llm, before, image), llm.embed(ids[~learned])]), whole)
    assert llm.vocabulary.decode(ids[learned].tolist()) == 'yes' and ids[-1] == llm.vocabulary.end


def test_questions_are_true_of_the_objects():
    target = build_target(described_batch(1)['data_samples'][0])
    target.names = ('large red matte star', 'small blue dotted ring')
    target.boxes, target.labels = torch.tensor([[0.8, 0.2, 0.1, 0.1], [0.2, 0.9, 0.1, 0.1]]), torch.tensor([0, 1])
    (asked, said), *others = write_questions(target, 40, np.random.default_rng(0))
    assert asked == DESCRIBE
    assert said == 'small blue dotted ring bottom left, large red matte star top right'
    answers = dict(others)
    assert len(answers) == len(others) > 5  # none twice
    assert answers['where is the star?'] == 'top right' and answers['what colour is the ring?'] == 'blue'
    assert answers['is there a red star?'] == 'yes' and answers['how many rings are there?'] == 'one'


def test_a_model_without_text_is_told_so(llava):
    model = copy.deepcopy(llava)
    del model.heads['text']
    with pytest.raises(ConfigError, match='questions trains answers in text'):
        SceneQuestions('questions', steps=1).check(model)
