"""``VisionLLM`` as users hold it: by name or folder, images in, predictions out, saved and loaded again."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from visionllm import VisionLLM
from visionllm.annotations import ImageError, read_coco_file
from visionllm.apis.model_files import ModelConfig
from visionllm.apis.shipped import SHIPPED
from visionllm.assets import IMAGES
from visionllm.errors import CheckpointMismatchError, ConfigError
from visionllm.inference.hub import HubError
from visionllm.inference.model_source import ModelNotFoundError
from visionllm.inference.request import RequestError
from visionllm.inference.zero_shot import ZeroShotObjectDetection

from ..conftest import ROOT

TINY = ROOT / 'configs/visionllm/visionllm_tiny_scenes.py'
CAT, COFFEE = IMAGES / 'cat.jpg', IMAGES / 'coffee.jpg'


@pytest.fixture(scope='module')
def photo():
    return VisionLLM('photo')


@pytest.fixture
def tiny_folder(tiny, tmp_path):
    ModelConfig.from_config(str(TINY)).save(tmp_path / 'model', tiny, 'A card.')
    return tmp_path / 'model'


def assert_equal(some, others):
    assert len(some) == len(others)
    for one, other in zip(some, others):
        assert (one.path, one.names, one.text) == (other.path, other.names, other.text)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-3)
        np.testing.assert_allclose(one.boxes, other.boxes, atol=0.5)


def test_importing_the_package_is_fast_and_loads_nothing():
    script = 'import sys, visionllm; assert not {"torch", "mmdet", "transformers", "numpy"} & set(sys.modules)'
    assert subprocess.run([sys.executable, '-c', script], cwd=ROOT).returncode == 0


def test_images_together_are_answered_as_alone(photo):
    files, names = sorted(IMAGES.glob('*.jpg')), ['cat', 'cup', 'person']
    together = photo.predict(IMAGES, classes=names, batch_size=3)
    assert_equal(together, [photo.predict(file, classes=names)[0] for file in files])
    assert_equal(together, photo.predict(files, classes=names, batch_size=2))
    assert [prediction.names[0] for prediction in together] == ['person', 'cat', 'cup']
    assert all(0 < prediction.seconds < 60 for prediction in together)


def test_a_camera_s_photograph_is_answered_as_a_smaller_one(photo, tmp_path):
    small, = photo.predict(CAT, classes=['cat', 'couch'], points=12)
    image = Image.open(CAT)
    factor = 4032 / max(image.size)
    image.resize((round(image.width * factor), round(image.height * factor))).save(tmp_path / 'large.jpg')
    large, = photo.predict(tmp_path / 'large.jpg', classes=['cat', 'couch'], points=12)
    assert large.names == small.names and max(large.image.shape) == 4032
    np.testing.assert_allclose(large.scores, small.scores, atol=0.03)
    np.testing.assert_allclose(np.array(large.boxes) / factor, small.boxes, atol=6)
    overlap = outline(large, factor) & outline(small, 1)
    assert overlap.sum() > 0.9 * (outline(large, factor) | outline(small, 1)).sum()


def outline(prediction, factor):
    canvas = Image.new('1', (2000, 2000))
    ImageDraw.Draw(canvas).polygon([(x / factor, y / factor) for x, y in prediction.points[0]], fill=1)
    return np.asarray(canvas)


def test_several_threads_get_their_own_answers(photo):
    asked = [(CAT, 'cat'), (COFFEE, 'cup'), (CAT, 'car'), (COFFEE, 'cat')] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda pair: photo.predict(pair[0], classes=[pair[1]])[0].names[:1], asked))
    assert found == [['cat'], ['cup'], [], []] * 4


def test_a_stream_answers_as_it_goes(photo):
    stream = photo.predict(iter([CAT, 'gone.jpg']), classes=['cat'], stream=True, batch_size=1)
    assert next(stream).names == ['cat']
    with pytest.raises(Exception, match=r'There is no file gone\.jpg'):
        next(stream)


def test_what_cannot_be_read_is_raised_or_listed(photo, tmp_path):
    (tmp_path / 'broken.jpg').write_bytes(b'broken')
    with pytest.raises(ImageError, match='broken.jpg'):
        photo.predict([tmp_path / 'broken.jpg', CAT], classes=['cat'])
    unreadable = []
    prediction, = photo.predict([tmp_path / 'broken.jpg', CAT], classes=['cat'], unreadable=unreadable)
    assert prediction.names == ['cat'] and len(unreadable) == 1 and 'broken.jpg' in unreadable[0]


def test_an_expression_that_nothing_fits(photo):
    nothing, = photo.predict(COFFEE, expression='the purple elephant')
    assert not nothing.names
    cup, = photo.predict(COFFEE, expression='the largest cup')
    assert len(cup) == 1 and cup.names == ['the largest cup']


def test_names_are_returned_as_they_were_written(photo):
    assert photo.predict(CAT, classes=['CATS.', 'A Car'])[0].names == ['CATS.']


def test_a_saved_model_answers_the_same(photo, tmp_path):
    photo.save_pretrained(tmp_path / 'copy', note='a note')
    assert {path.name for path in (tmp_path / 'copy').iterdir()} == {'config.json', 'model.safetensors', 'README.md'}
    card = (tmp_path / 'copy/README.md').read_text()
    assert 'pipeline_tag: zero-shot-object-detection' in card and '# copy\n' in card and "VisionLLM('copy')" in card
    copy = VisionLLM.from_pretrained(tmp_path / 'copy')
    assert_equal(photo.predict(CAT, classes=['cat', 'couch'], threshold=0.05),
                 copy.predict(CAT, classes=['cat', 'couch'], threshold=0.05))


@pytest.mark.parametrize('name', SHIPPED)
def test_shipped_folders_are_of_their_configs(name):
    config, _ = SHIPPED[name]
    of_config, of_folder = ModelConfig.from_config(config), ModelConfig.from_folder(ROOT / f'visionllm/weights/{name}')

    def plain(content):
        text = json.dumps(content, sort_keys=True)
        return json.loads(text, object_hook=lambda part: {k: v for k, v in part.items() if k != 'cached_images'})
    assert plain(of_config.model) == plain(of_folder.model) and of_config.scale == of_folder.scale


def test_labels_of_a_folder_are_a_coco_file(photo, tmp_path):
    count = photo.label(IMAGES, tmp_path / 'labels.json', ['cat', 'cup', 'person'], points=8)
    content = read_coco_file(tmp_path / 'labels.json')
    assert count == len(content['annotations']) >= 3 and len(content['images']) == 3
    assert [category['name'] for category in content['categories']] == ['cat', 'cup', 'person']
    assert all(len(annotation['segmentation'][0]) == 16 for annotation in content['annotations'])


def test_the_call_of_transformers(photo):
    detect = ZeroShotObjectDetection(photo)
    found = detect(str(CAT), candidate_labels='cat, couch', threshold=0.3)
    assert [each['label'] for each in found] == ['cat'] and set(found[0]) == {'score', 'label', 'box'}
    assert found[0]['box'].keys() == {'xmin', 'ymin', 'xmax', 'ymax'}
    both = detect([dict(image=Image.open(path), candidate_labels=['cat', 'cup']) for path in (CAT, COFFEE)], top_k=1)
    assert [[each['label'] for each in answer] for answer in both] == [['cat'], ['cup']]


def test_batches_have_images(photo):
    with pytest.raises(RequestError, match='batch_size is 0: expected at least 1'):
        photo.predict(CAT, classes=['cat'], batch_size=0)


@pytest.mark.parametrize('device', ['foo', 'cuda:99'])
def test_devices_that_are_not_there(device):
    with pytest.raises(ConfigError, match=f'There is no device {device} here'):
        VisionLLM('photo', device=device)


@pytest.mark.parametrize('model, checkpoint, message', [
    ('phot', None, "no model 'phot': shipped are photo and scenes"),
    ('gone.py', None, 'no config gone.py'), (TINY, None, 'name its weights as well'),
    ('photo', 'a.pth', 'has weights of its own'), ('docs', None, 'holds no config.json'),
    ('./gone', None, "no model './gone': shipped are photo"),
    ('/gone', None, "no model '/gone'"), ('a b/c', None, "no model 'a b/c'"),
])
def test_models_that_are_not_there(model, checkpoint, message):
    with pytest.raises(ModelNotFoundError, match=message):
        VisionLLM(model, checkpoint)


def test_a_hub_that_cannot_be_reached(monkeypatch):
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    with pytest.raises(ModelNotFoundError, match='owner/name is no folder here, .* not reached .* In its cache are'):
        VisionLLM('owner/name')


@pytest.mark.parametrize('repo, message', [
    ('owner/name', r'hub was not reached \(.*offline.*\). save_pretrained\(FOLDER\) writes the model here'),
    ('no name', "'no name' is no id of the Hugging Face hub: expected OWNER/NAME")])
def test_an_upload_that_fails(tiny_folder, monkeypatch, repo, message):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
    with pytest.raises(HubError, match=message):
        VisionLLM(tiny_folder).push_to_hub(repo)


def test_an_upload_is_called_by_its_id(tiny_folder, monkeypatch):
    cards = []
    monkeypatch.setattr('visionllm.inference.hub.upload', lambda folder, *_: cards.append(
        (Path(folder) / 'README.md').read_text()))
    VisionLLM(tiny_folder).push_to_hub('owner/name')
    assert '# owner/name\n' in cards[0] and "VisionLLM('owner/name')" in cards[0]


def test_a_folder_that_is_damaged_or_of_another_model(tiny_folder):
    VisionLLM(tiny_folder)
    config = json.loads((tiny_folder / 'config.json').read_text())

    def write(**changes):
        (tiny_folder / 'config.json').write_text(json.dumps(config | changes))
    write(model_type='llava')
    with pytest.raises(ConfigError, match='is of a model of the type llava'):
        VisionLLM(tiny_folder)
    write(model=config['model'] | dict(connector=dict(type='os.system', command='touch ran')))
    with pytest.raises(ConfigError, match="names 'os.system', which is no registered part"):
        VisionLLM(tiny_folder)
    assert not (ROOT / 'ran').exists()
    connector = config['model']['connector'] | dict(num_queries=7)
    write(model=config['model'] | dict(connector=connector))
    with pytest.raises(CheckpointMismatchError, match='checkpoint of another config'):
        VisionLLM(tiny_folder)
