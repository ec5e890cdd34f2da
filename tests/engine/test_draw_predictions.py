"""Drawings of a test: a file of its own for every image, task and question; any number of classes."""

from types import SimpleNamespace

import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from PIL import Image

from visionllm.engine import DrawPredictions
from visionllm.language import TASKS


def sample_of(path, names, task='detection'):
    text = TASKS['detection'].write_instructions(names)
    objects = InstanceData(scores=torch.tensor([0.9]), labels=torch.tensor([len(names) - 1]),
                           bboxes=torch.tensor([[5.0, 5, 30, 30]]), points=torch.tensor([[[5.0, 5], [30, 30]]]))
    sample = DetDataSample(metainfo=dict(img_path=str(path), instruction=text, text=names, task=task))
    sample.pred_instances = objects
    return sample


def text_sample(path, question):
    text = TASKS['questions'].write_instruction(question=question)
    sample = DetDataSample(metainfo=dict(img_path=str(path), instruction=text, text=(), task='questions'))
    sample.set_field('two', 'pred_text', dtype=str)
    sample.set_field(0.5, 'pred_text_score', dtype=float)
    return sample


def test_every_image_task_and_question_has_a_file(tmp_path):
    for folder in 'xy':
        (tmp_path / folder).mkdir()
        Image.new('RGB', (60, 40)).save(tmp_path / folder / 'a.jpg')
    first, second = tmp_path / 'x/a.jpg', tmp_path / 'y/a.jpg'
    names = [f'class {chr(97 + i // 26)}{chr(97 + i % 26)}' for i in range(100)]
    samples = [sample_of(first, names), sample_of(second, names), sample_of(first, ['cat'], 'grounding'),
               text_sample(first, 'how many?'), text_sample(first, 'where?'), text_sample(first, 'where?')]
    runner = SimpleNamespace(work_dir=str(tmp_path / 'work'), timestamp='now')
    DrawPredictions(test_out_dir='shown').after_test_iter(runner, 0, {}, samples)
    written = {str(path.relative_to(tmp_path / 'work/now/shown')) for path in (tmp_path / 'work').rglob('*.png')}
    assert written == {'detection/a.png', 'detection/y_a.png', 'grounding/a.png', 'questions/a.png',
                       'questions/x_a.png'}


def test_nothing_is_drawn_without_a_folder(tmp_path):
    DrawPredictions().after_test_iter(SimpleNamespace(), 0, {}, [sample_of(tmp_path / 'a.jpg', ['cat'])])
