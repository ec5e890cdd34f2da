import torch
from mmdet.registry import MODELS

from visionllm.apis import fact_checking
from visionllm.apis.study import Study
from visionllm.models.llms import Hypothesis

from ..conftest import load_config

CONFIG = 'configs/llava/llava_tiny_scenes.py'


def test_the_language_model_is_told_the_truth_in_place_of_the_image(monkeypatch):
    model = MODELS.build(load_config(CONFIG).model).eval()
    study = Study.from_model(model, CONFIG, 4, 'questions')
    said = []
    encode = type(model.llm).embed_text

    def embed_text(llm, text, start=False):
        said.append(text)
        return encode(llm, text, start)
    monkeypatch.setattr(type(model.llm), 'embed_text', embed_text)
    truths = [study.dataset.get_data_info(index)['answer'] for index in range(4)]
    monkeypatch.setattr(fact_checking, 'generate', lambda *_: [[Hypothesis(truths.pop(0), 0.5)]])
    result = fact_checking.facts(study)
    assert result['rows']['text oracle']['accuracy'] == 100
    assert result['ratio'] == result['rows']['images']['accuracy'] / 100
    info = study.dataset.get_data_info(0)
    name = info['text'][info['instances'][0]['bbox_label']]
    assert any(f'{name}: (0.' in text or f'{name}: (-0.' in text for text in said)
    assert torch.is_grad_enabled()
