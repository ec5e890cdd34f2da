import copy

import pytest
import torch
from mmengine.structures import InstanceData

from visionllm.engine.pretraining import InstructionTuning
from visionllm.engine.pretraining.progress import StageProgress
from visionllm.errors import ConfigError

from ...conftest import sample_batch, stage_runner

CAPTION = 'Describe the picture as (text). <image>'


def batch_of(*captions):
    batch = sample_batch(CAPTION, len(captions))
    for sample, texts in zip(batch['data_samples'], captions):
        sample.set_metainfo(dict(captions=texts, turns=()))
        sample.gt_instances = InstanceData()  # objects are not needed
    return batch


def test_it_learns_captions_and_changes_the_text_part_alone(tiny):
    model = copy.deepcopy(tiny)
    batch = batch_of(['a star', 'one star'], ['two rings'])
    stage = InstructionTuning('tuning', steps=12, lr=3e-3)
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def loss():
        return float(stage.losses(model, copy.deepcopy(batch))['loss_text'].value)

    first = loss()
    changed = stage.run(stage_runner(model, [copy.deepcopy(batch) for _ in range(12)]), StageProgress())
    different = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert loss() < first - 0.2 and different <= changed.keys()
    assert all(name.startswith(('llm.', 'heads.text.image_prompt.')) for name in different)
    assert any('.lora_' in name for name in different)


def test_a_model_without_a_text_head_is_told(tiny):
    model = copy.deepcopy(tiny)
    del model.heads['text']
    with pytest.raises(ConfigError, match='add text=dict'):
        InstructionTuning('tuning', steps=1).check(model)
