"""Image captions: COCO's caption files and the Karpathy split."""

from collections.abc import Sequence
from pathlib import Path

from mmdet.registry import DATASETS

from visionllm.annotations.coco_captions import checked_captions
from visionllm.annotations.files import AnnotationError, read_json, record_keys

from .image_instances import add_instances
from .sentences import SentenceDataset, has_reserved_token, normalize_spaces


@DATASETS.register_module()
class CaptionDataset(SentenceDataset):
    """One sample per image with all its captions (testing), or one per caption (training).

    Sample keys: ``img_path``, ``img_id``, ``height``, ``width``; ``captions``, a list of str; ``instances`` and
    ``text``, the objects and their class names, from ``instances_file`` (COCO format) and empty without it. With
    ``per_caption`` the list holds the sample's own caption and ``turns``, the target text, is ``(caption,)``.

    Blank captions and captions that contain a reserved token are removed; images without any caption left are skipped.
    Both are counted in the log.

    ``ann_file`` is COCO's ``captions_*.json``, or ``dataset_coco.json`` of the Karpathy split. The images of the latter
    are in the folders ``train2014`` and ``val2014``, or ``train2017`` and ``val2017``, of ``data_prefix['img']``; it is
    commonly trained on ``split=('train', 'restval')``.

    Args:
        ann_file, data_root, data_prefix, split, missing, pipeline, test_mode, indices, instances_file: As in
            ``SentenceDataset``.
        per_caption: Make one sample of every caption.
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
        add_instances(samples, self.instances_file)
        if self.per_caption:
            samples = [{**sample, 'captions': [text]} for sample in samples for text in sample['captions'] or ['']]
        for sample in samples:
            _remove_unusable_captions(sample)
            if self.per_caption:
                sample['turns'] = tuple(sample['captions'])
        return samples


def read_captions(path: str | Path) -> list[dict]:
    """Read a caption file of either format, one sample per image.

    Raises:
        AnnotationError: The file has another format, or a fault (``checked_captions``).
        KeyError, TypeError: A record of the Karpathy split lacks a key (``sentences.record_errors`` adds the file
            name).
    """
    content = read_json(path)
    if 'sentences' in record_keys(content, 'images'):
        return [from_karpathy(image) for image in content['images']]
    if 'caption' in record_keys(content, 'annotations'):
        return from_coco(checked_captions(path, content))
    raise AnnotationError(f'{path} holds no captions: it is neither COCO\'s captions_*.json (annotations with a '
                          'caption) nor the Karpathy split (images with sentences).')


def from_coco(content: dict) -> list[dict]:
    """Samples of a checked ``captions_*.json`` of COCO, one per image."""
    captions: dict[int, list[str]] = {}
    for record in content['annotations']:
        captions.setdefault(record['image_id'], []).append(record['caption'])
    return [_sample(image['file_name'], image['id'], captions.get(image['id'], []), height=image.get('height'),
                    width=image.get('width')) for image in content['images']]


def from_karpathy(image: dict) -> dict:
    """Sample of an image record of the Karpathy split.

    Its files for other data sets (Flickr8k, Flickr30k) have no ``filepath`` and ``imgid`` in place of ``cocoid``.
    """
    name = '/'.join(part for part in (image.get('filepath', ''), image['filename']) if part)
    captions = [sentence['raw'] for sentence in image['sentences']]
    img_id = image['cocoid'] if 'cocoid' in image else image['imgid']
    return _sample(name, img_id, captions, split=image['split'])


def _sample(file_name: str, img_id: int, captions: list[str], split: str | None = None, height: int | None = None,
            width: int | None = None) -> dict:
    return dict(file_name=file_name, img_id=img_id, height=height, width=width, instances=[], text=(),
                captions=captions, split=split)


def _remove_unusable_captions(sample: dict) -> None:
    """Remove blank captions and captions with reserved tokens from a sample, and record it as its fault or note."""
    captions = [normalize_spaces(text) for text in sample['captions']]
    sample['captions'] = [text for text in captions if text and not has_reserved_token(text)]
    if not sample['captions']:
        sample['fault'] = 'there is no usable caption'
    elif len(sample['captions']) < len(captions):
        sample['note'] = 'a caption is blank or contains a reserved token such as <image>, and is removed'
