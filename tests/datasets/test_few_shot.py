"""Shots at random and by nearest features; episodes of nonsense names."""

import json

import numpy as np
import pytest
from mmdet.registry import DATASETS
from PIL import Image

from tools import picture_features
from visionllm.annotations import AnnotationError
from visionllm.errors import ConfigError

from ..conftest import ROOT

PACK = [dict(type='LoadImage'), dict(type='PackInstructionInputs')]
GREYS = (0, 80, 160, 240, 90)
EPISODES = dict(type='SceneEpisodes', num_names=2, pipeline=PACK)


@pytest.fixture
def captions(tmp_path):
    """Config of five grey pictures, each with its grey as its caption."""
    for number, grey in enumerate(GREYS):
        Image.new('RGB', (32, 32), (grey, ) * 3).save(tmp_path / f'{number}.png')
    images = [dict(id=i, file_name=f'{i}.png', height=32, width=32) for i in range(len(GREYS))]
    records = [dict(id=i, image_id=i, caption=f'grey {grey}') for i, grey in enumerate(GREYS)]
    (tmp_path / 'captions.json').write_text(json.dumps(dict(images=images, annotations=records)))
    return dict(type='CaptionDataset', ann_file='captions.json', data_root=str(tmp_path), test_mode=True, pipeline=PACK)


def few_shot(captions, **options):
    return DATASETS.build(dict(type='FewShotDataset', dataset=captions, support=captions, **options))


def instructions(document):
    return [sample['data_samples'].instruction for sample in document]


def test_random_shots_never_show_what_is_asked_and_stay_the_same(captions):
    dataset = few_shot(captions, num_shots=3)
    for index, document in enumerate(dataset):
        *shots, asked = [sample['data_samples'].img_id for sample in document]
        assert asked == index not in shots and len(set(shots)) == 3
        assert instructions(document) == [*(f'<image>Output:(text)grey {GREYS[i]}<|endofchunk|>' for i in shots),
                                          '<image>Output:(text)']
        assert instructions(dataset[index]) == instructions(document)
    assert instructions(few_shot(captions, num_shots=0)[2]) == ['<image>Output:(text)']


def test_the_nearest_shots_come_last(captions, tmp_path):
    angles = np.radians(GREYS) / 2
    np.savez(tmp_path / 'near.npz', ids=np.array(['0', '1', '2', '3', '4']),
             features=np.stack([np.cos(angles), np.sin(angles)], 1))
    dataset = few_shot(captions, num_shots=2, features=str(tmp_path / 'near.npz'))
    assert [sample['data_samples'].img_id for sample in dataset[3]] == [4, 2, 3]
    assert [sample['data_samples'].img_id for sample in dataset[0]] == [4, 1, 0]


def test_the_tool_writes_the_features_of_the_frozen_encoder(captions, tmp_path, monkeypatch, capsys):
    config = tmp_path / 'few_shot.py'
    config.write_text(f'_base_ = {str(ROOT / "configs/flamingo/flamingo_tiny_scenes.py")!r}\n'
                      f'test_dataloader = dict(dataset=dict(_delete_=True, type="FewShotDataset", dataset={captions}, '
                      f'support={captions}, num_shots=2))')
    out = tmp_path / 'near.npz'
    monkeypatch.setattr('sys.argv', ['picture_features.py', str(config), str(out)])
    picture_features.main()
    assert 'features of 5 pictures' in capsys.readouterr().out
    dataset = few_shot(captions, num_shots=2, features=str(out))
    assert [sample['data_samples'].img_id for sample in dataset[1]][-2:] == [4, 1], 'grey 90 is the nearest to 80'


def test_what_cannot_be_shown_says_so(captions, tmp_path):
    with pytest.raises(ConfigError, match='5 samples, too few for 5'):
        few_shot(captions, num_shots=5)
    with pytest.raises(AnnotationError, match='does not exist'):
        few_shot(captions, features=str(tmp_path / 'none.npz'))
    (tmp_path / 'bad.npz').write_bytes(b'no features')
    with pytest.raises(AnnotationError, match='holds no features'):
        few_shot(captions, features=str(tmp_path / 'bad.npz'))
    np.savez(tmp_path / 'few.npz', ids=np.array(['0']), features=np.ones((1, 2)))
    with pytest.raises(AnnotationError, match='no features of 8 pictures'):
        few_shot(captions, features=str(tmp_path / 'few.npz'))


def episodes(split='test', **options):
    size = dict(train=dict(num_images=32, seed=10), test=dict(num_images=16, seed=1010))[split]
    pictures = dict(root=str(ROOT / 'data/scenes_one_tiny'), split=split, **size)
    return DATASETS.build(EPISODES | dict(pictures=pictures, test_mode=split == 'test') | options)


def shown(sample):
    """The colour of a picture's only object."""
    content = json.loads((ROOT / 'data/scenes_one_tiny/annotations/instances_test.json').read_text())
    ids = {image['file_name']: image['id'] for image in content['images']}
    return next(record['attributes']['colour'] for record in content['annotations']
                if record['image_id'] == ids[sample['data_samples'].img_id])


def test_the_same_names_for_the_same_colours_within_an_episode():
    dataset = episodes(num_shots=(8, ), num_episodes=6)
    for document in map(dataset.__getitem__, range(len(dataset))):
        names = {}
        for sample in document[:-1]:
            text = sample['data_samples'].instruction.partition('(text)')[2].removesuffix('<|endofchunk|>')
            assert names.setdefault(shown(sample), text) == text
        asked = document[-1]['data_samples']
        assert names.get(shown(document[-1]), asked.answer) == asked.answer == asked.turns[0]
        assert len(set(names.values())) == len(names) and asked.answer in instructions(document)[0]


def test_fewer_shots_ask_the_same():
    dataset = episodes(num_shots=(0, 1, 4), num_episodes=2)
    assert len(dataset) == 6 and [len(document) for document in dataset] == [1, 2, 5] * 2
    none, one, four = (dataset[i] for i in range(3))
    assert none[-1]['data_samples'].img_id == one[-1]['data_samples'].img_id == four[-1]['data_samples'].img_id
    assert instructions(one)[0] == instructions(four)[0] and none[0]['data_samples'].kind == '0 shots'


def test_controls_take_away_what_the_shots_tell():
    plain, shuffled, grey = (episodes(num_shots=(8, ), num_episodes=4, control=control)
                             for control in ('none', 'shuffled names', 'grey pictures'))
    assert [d[-1]['data_samples'].answer for d in plain] == [d[-1]['data_samples'].answer for d in shuffled]
    assert instructions(plain[0]) == instructions(grey[0]) != instructions(shuffled[0])
    assert all(sample['inputs'].unique().tolist() == [114] for document in grey for sample in document)


def test_episodes_that_cannot_be_are_one_sentence():
    with pytest.raises(ConfigError, match='Set num_names to 3 or less'):
        episodes(attribute='size', num_names=4)
    with pytest.raises(ConfigError, match='no control'):
        episodes(control='blindfold')
