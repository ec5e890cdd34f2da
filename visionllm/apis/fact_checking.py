"""Fact-checked ratio: what a model answers rightly from the image, by what its language model answers rightly from the
true captions and boxes as text (in place of LLaVA-Bench's judge, where the truth is known)."""

from collections.abc import Iterator

import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import pseudo_collate

from visionllm.datasets.box_relations import normalized_box
from visionllm.datasets.visual_instructions import AnnotatedImage
from visionllm.models.llms import generate
from visionllm.models.samples import get_instruction
from visionllm.structures.boxes import to_xywh

from .instruction_writer import describe
from .study import Study


def facts(study: Study) -> dict:
    """Metrics of answers from the images and of the text oracle, which reads the truth as text, and their ratio."""
    rows = {}
    for name, samples in (('images', study.predict()), ('text oracle', text_oracle(study))):
        metric = study.metric_of(samples)
        rows[name] = metric.compute_metrics(metric.results)
    return dict(rows=rows, ratio=rows['images']['accuracy'] / max(rows['text oracle']['accuracy'], 1e-9))


@torch.no_grad()
def text_oracle(study: Study) -> Iterator[DetDataSample]:
    """All samples, answered with the truth as text in the place of the image."""
    head, llm = study.model.heads['text'], study.model.llm
    for index in range(len(study.dataset)):
        sample = pseudo_collate([study.dataset[index]])['data_samples'][0]
        text = describe(truth_of(study.dataset.get_data_info(index)))
        prompt = head.embed_prompts(llm, [get_instruction(sample)], [llm.embed_text(text)[0]])
        with llm.answering_in_text():
            (answer, ), = generate(llm, prompt, head.max_new_tokens)
        head.add_pred_to_sample(sample, [get_instruction(sample)], [answer], True)
        yield sample


def truth_of(info: dict) -> AnnotatedImage:
    """What a dataset's sample knows of its image."""
    size = dict(width=info['width'], height=info['height'])
    boxes = tuple(normalized_box(to_xywh(each['bbox']), size) for each in info['instances'])
    classes = tuple(info['text'][each['bbox_label']] for each in info['instances'])
    return AnnotatedImage(classes, boxes, tuple(info.get('captions', ())), tuple(info['text']), {})
