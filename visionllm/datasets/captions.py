"""Captions: what a picture shows, in a sentence. COCO's files and the Karpathy split."""

from collections.abc import Sequence
from pathlib import Path

from mmdet.registry import DATASETS

from .coco import AnnotationError
from .described_objects import add_objects
from .sentences import SentenceDataset, holds_mark, one_line, read_json, record_keys, require_known


@DATASETS.register_module()
class CaptionDataset(SentenceDataset):
    """One sample a picture, with all its captions (testing), or one a caption (training).

    Sample keys: ``img_path``, ``img_id``, ``height``, ``width``; ``captions``, a list; ``instances`` and ``text``,
    the objects and their names, where ``instances_file`` (COCO's) knows them, and empty otherwise. With
    ``per_caption`` the list holds the sample's own caption and ``turns`` is ``(caption,)``, what the model should
    say.

    Blank captions and those that hold the model's own marks are taken out; pictures without any are left out. Both
    are counted in the log.

    Takes ``SentenceDataset``'s arguments, and the one below. ``ann_file`` is COCO's ``captions_*.json``, or
    ``dataset_coco.json`` of the Karpathy split; the latter's pictures are in folders ``train2014`` and ``val2014``, or
    ``train2017`` and ``val2017``, of ``data_prefix['img']``, and it is commonly trained on ``split=('train',
    'restval')``.

    Args:
        per_caption: One sample for every caption.
    """

    def __init__(self, ann_file: str, data_root: str = '', data_prefix: dict | None = None,
                 split: str | Sequence[str] | None = None, missing: str = 'error', pipeline: Sequence = (),
                 test_mode: bool = False, indices: int | Sequence[int] | None = None,
                 instances_file: str | None = None, per_caption: bool = False):
        self.per_caption = per_caption
        super().__init__(ann_file, data_root, data_prefix, split, missing, pipeline, test_mode, indices,
                         instances_file)

    def read_samples(self) -> list[dict]:
        """As in ``SentenceDataset``."""
        samples = read_captions(self.ann_file)
        add_objects(samples, self.instances_file)
        if self.per_caption:
            samples = [{**sample, 'captions': [text]} for sample in samples for text in sample['captions'] or ['']]
        for sample in samples:
            _clean(sample)
            if self.per_caption:
                sample['turns'] = tuple(sample['captions'])
        return samples


def read_captions(path: str | Path) -> list[dict]:
    """Samples of a file of captions, one a picture.

    Raises:
        AnnotationError: Of another format.
        KeyError, LookupError, TypeError: A record lacks something, or names a picture that is not there
            (``sentences.record_errors`` names the file).
    """
    content = read_json(path)
    if 'sentences' in record_keys(content, 'images'):
        return [from_karpathy(image) for image in content['images']]
    if 'caption' in record_keys(content, 'annotations'):
        return from_coco(content)
    raise AnnotationError(f'{path} holds no captions: it is neither COCO\'s captions_*.json (annotations with a '
                          'caption) nor the Karpathy split (images with sentences).')


def from_coco(content: dict) -> list[dict]:
    """COCO's captions, by picture."""
    said: dict[int, list[str]] = {}
    for record in content['annotations']:
        said.setdefault(record['image_id'], []).append(record['caption'])
    require_known(list(said), {image['id'] for image in content['images']}, 'a picture')
    return [_sample(image['file_name'], image['id'], said.get(image['id'], []), height=image.get('height'),
                    width=image.get('width')) for image in content['images']]


def from_karpathy(image: dict) -> dict:
    """A picture of the Karpathy split; the pictures of other data sets than COCO have no folder and another id."""
    name = '/'.join(part for part in (image.get('filepath', ''), image['filename']) if part)
    captions = [sentence['raw'] for sentence in image['sentences']]
    img_id = image['cocoid'] if 'cocoid' in image else image['imgid']
    return _sample(name, img_id, captions, split=image['split'])


def _sample(file_name: str, img_id: int, captions: list[str], split: str | None = None, height: int | None = None,
            width: int | None = None) -> dict:
    return dict(file_name=file_name, img_id=img_id, height=height, width=width, instances=[], text=(),
                captions=captions, split=split)


def _clean(sample: dict) -> None:
    """Take blank captions and such with marks out of a sample, and say so."""
    captions = [one_line(text) for text in sample['captions']]
    sample['captions'] = [text for text in captions if text and not holds_mark(text)]
    if not sample['captions']:
        sample['fault'] = 'there is no caption that can be used'
    elif len(sample['captions']) < len(captions):
        sample['note'] = 'a caption is blank, or holds a mark such as <image>, and is taken out'
