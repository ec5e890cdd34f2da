"""Documents of shots out of a labelled data set, and a sample to answer: Flamingo's evaluation with 0 to 32 shots.

Shots are drawn at random, or are the nearest to the asked picture by its features (RICES), the nearest last.

Dimensions: S samples of the support set, C channels.
"""

from pathlib import Path

import numpy as np
from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample
from numpy.typing import NDArray

from visionllm.annotations import AnnotationError
from visionllm.errors import ConfigError
from visionllm.language.documents import fault_in_chunk_text, render_document
from visionllm.language.instructions import QUESTION_SLOT

from .documents import DocumentDataset

WORDINGS = dict(captions='<image>Output:(text)', questions=f'<image>Question:{QUESTION_SLOT} Short answer:(text)')


@DATASETS.register_module()
class FewShotDataset(DocumentDataset):
    """One document an item: a list of packed samples, of which the last is asked.

    Args:
        dataset: Config of the data set whose samples are asked, such as a ``CaptionDataset``.
        support: Config of the data set that shots are drawn from. Its samples have an ``answer`` or ``captions``.
        num_shots: Shots of each document.
        wording: ``captions`` or ``questions`` (Flamingo's), or another with ``<image>`` and, where the answer is,
            ``(text)``; ``<question>`` is replaced by that of the sample.
        features: File that ``tools/picture_features.py`` wrote of the pictures of both sets, for RICES; None for random
            shots, which are the same every time.

    Raises:
        AnnotationError: There are no features of a picture.
        ConfigError: The support set is too small.
    """

    def __init__(self, dataset: dict, support: dict, num_shots: int = 4, wording: str = 'captions',
                 features: str | None = None):
        self.dataset, self.support = DATASETS.build(dataset), DATASETS.build(support)
        self.num_shots, self.wording = num_shots, WORDINGS.get(wording, wording)
        if num_shots >= len(self.support):
            raise ConfigError(f'The support set has {len(self.support)} samples, too few for {num_shots} shots.')
        self.support_ids = [self.support.get_data_info(i)['img_id'] for i in range(len(self.support))]
        self.features = read_features(features) if features else None
        if self.features:
            asked = [self.dataset.get_data_info(i)['img_id'] for i in range(len(self.dataset))]
            absent = [i for i in (*self.support_ids, *asked) if str(i) not in self.features]
            if absent:
                raise AnnotationError(f'{features} has no features of {len(absent)} pictures (the first is '
                                      f'{absent[0]}). Write it again, of the same data sets.')
            self.support_features = np.stack([self.features[str(i)] for i in self.support_ids])  # float[S, C]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> list[dict]:
        """The packed samples of a document."""
        asked = self.dataset[index]
        img_id = asked['data_samples'].img_id
        packed = [*(self.support[int(i)] for i in self._shots(index, img_id)), asked]
        answers = [answer_of(each['data_samples']) for each in packed[:-1]]
        for each, text in zip(packed, render_document(self.wording, answers)):
            sample = each['data_samples']
            sample.set_metainfo(dict(instruction=text.replace(QUESTION_SLOT, sample.get('question', ''))))
        return packed

    def _shots(self, index: int, img_id: int | str) -> NDArray[np.integer]:
        """Indices ``int[num_shots]`` of samples of the support set, none of them of the asked picture."""
        others = np.array([i for i, other in enumerate(self.support_ids) if other != img_id])
        if self.num_shots == 0:
            return others[:0]
        if self.features is None:
            return np.random.default_rng([0, index]).choice(others, self.num_shots, replace=False)
        similarity = self.support_features[others] @ self.features[str(img_id)]
        return others[np.argsort(similarity, kind='stable')[-self.num_shots:]]


def answer_of(sample: DetDataSample) -> str:
    """The answer of a packed sample: its ``answer``, or the first of its ``captions``.

    Raises:
        AnnotationError: It has none, or one that cannot be in a document.
    """
    answer = sample.get('answer') or next(iter(sample.get('captions', ())), None)
    fault = 'it has neither answer nor captions' if answer is None else fault_in_chunk_text(answer)
    if fault:
        raise AnnotationError(f'The picture {sample.img_id} cannot be a shot: {fault}.')
    return answer


def read_features(path: str | Path) -> dict[str, NDArray[np.floating]]:
    """Features ``float[C]`` of unit length by the id of their picture.

    Raises:
        AnnotationError: The file does not exist or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            ids, features = file['ids'], file['features'].astype(np.float32)
    except FileNotFoundError:
        raise AnnotationError(f'{path} does not exist. Write it with tools/picture_features.py.') from None
    except (OSError, ValueError, KeyError) as error:
        raise AnnotationError(f'{path} holds no features of tools/picture_features.py: {error}.') from None
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return dict(zip(ids.tolist(), features / np.maximum(lengths, 1e-12)))
