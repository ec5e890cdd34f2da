"""The report on a data set: on real ones without a fault, and on damaged copies with each of them."""

import json

import pytest
from PIL import Image

from visionllm.apis.data_check import check_data, write_fixed

from ..integration.commands import run_here

SETS = {'coco-mini/annotations/instances_val2017.json': 'coco-mini/val2017',
        'coco-boxes-256/annotations/instances_val.json': 'coco-boxes-256/val',
        'voc-384/instances_train.json': 'voc-384/images'}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv('VISIONLLM_CACHE', str(tmp_path_factory.mktemp('cache')))


def copy(data, folder, name, count=30):
    """A copy of the first images of a set, as links, and its content."""
    content = json.loads((data / name).read_text())
    content['images'] = content['images'][:count]
    kept = {image['id'] for image in content['images']}
    content['annotations'] = [ann for ann in content['annotations'] if ann['image_id'] in kept]
    (folder / 'annotations').mkdir(parents=True)
    (folder / 'images').mkdir()
    for image in content['images']:
        (folder / 'images' / image['file_name']).symlink_to(data / SETS[name] / image['file_name'])
    return content


def check(folder, content):
    (folder / 'annotations/instances_train.json').write_text(json.dumps(content))
    return check_data([folder], show_progress=False)


def exchange_sides(images):
    image = next(image for image in images[4:] if image['width'] != image['height'])
    image.update(width=image['height'], height=image['width'])


# of images, categories, and annotations of other images and categories than the damaged ones
DAMAGES = {
    'without an id that is a whole number': lambda images, categories, anns: images[0].update(id='x'),
    'images with the id of another one': lambda images, categories, anns: images[1].update(id=images[2]['id']),
    'images that are not in': lambda images, categories, anns: images[7].update(file_name='nowhere.jpg'),
    'width and height are exchanged': lambda images, categories, anns: exchange_sides(images),
    'of another size than annotated': lambda images, categories, anns: images[3].update(width=7),
    'categories with the name of another one': lambda images, categories, anns: categories[1].update(
        name=categories[0]['name']),
    'name cannot be part of an instruction': lambda images, categories, anns: categories[2].update(name='<c3>'),
    'annotations with the id of another one': lambda images, categories, anns: anns[1].update(id=anns[0]['id']),
    'an image that is not in the file': lambda images, categories, anns: anns[2].update(image_id=10**9),
    'a category that is not in the file': lambda images, categories, anns: anns[3].update(category_id=10**9),
    'bbox is not four finite numbers': lambda images, categories, anns: anns[4].update(bbox=[1, 2, 'x', 4]),
    'segmentation is neither polygons': lambda images, categories, anns: anns[5].update(segmentation=[[1, 2, 3]]),
    'iscrowd is neither 0 nor 1': lambda images, categories, anns: anns[6].update(iscrowd='no'),
}


@pytest.mark.parametrize('name', SETS)
def test_real_sets_have_no_fault_and_damaged_copies_have_each(data, tmp_path, name):
    content = copy(data, tmp_path / 'a', name)
    assert check(tmp_path / 'a', content).is_sound
    images, categories = content['images'], content['categories']
    damaged = {image['id'] for image in images[:8]} | {category['id'] for category in categories[:3]}
    others = [ann for ann in content['annotations'] if not {ann['image_id'], ann['category_id']} & damaged]
    for damage in DAMAGES.values():
        damage(images, categories, others)
    report = check(tmp_path / 'a', content)
    assert not report.is_sound
    missing = [text for text in DAMAGES if text not in str(report)]
    assert not missing
    assert len(report.sets[0].findings.faults()) == len(DAMAGES)
    write_fixed(report, tmp_path / 'fixed.json')
    fixed = json.loads((tmp_path / 'fixed.json').read_text())
    assert check(tmp_path / 'a', fixed).is_sound and len(fixed['images']) == len(content['images']) - 5


def test_images_of_several_sets_are_found(data, tmp_path):
    name = 'coco-mini/annotations/instances_val2017.json'
    content = copy(data, tmp_path / 'a', name, 8)
    other = copy(data, tmp_path / 'b', name, 8)
    other['images'] = other['images'][:3]
    other['annotations'] = []
    second = tmp_path / 'b/images' / other['images'][1]['file_name']
    image = Image.open(second).resize([side * 2 // 3 for side in Image.open(second).size])
    second.unlink()
    image.save(second, quality=70)
    other['images'][1].update(width=image.width, height=image.height)
    third = tmp_path / 'b/images' / other['images'][2]['file_name']
    third.unlink()
    Image.effect_noise((640, 480), 90).save(third)
    other['images'][2].update(width=640, height=480)
    for folder, each in (('a', content), ('b', other)):
        (tmp_path / folder / 'annotations/instances_train.json').write_text(json.dumps(each))
    report = check_data([tmp_path / 'a', tmp_path / 'b'], show_progress=False)
    assert 'hold the same images: 1' in report.leaks[0] and 'that look alike: 1' in report.near[0]
    assert content['images'][1]['file_name'] in report.near[0] and not report.is_sound


def test_the_tool_says_it_and_remembers_images(data, tmp_path):
    content = copy(data, tmp_path / 'a', 'coco-mini/annotations/instances_val2017.json', 5)
    content['annotations'][0]['category_id'] = 'dog'
    (tmp_path / 'a/annotations/instances_train.json').write_text(json.dumps(content))
    done = run_here('data', 'check', tmp_path / 'a', '--fix', tmp_path / 'b')
    assert done.code == 1 and 'FAULT annotations of a category that is not in the file: 1' in done.out
    assert '1 records with a fault were left out, not mended' in done.out
    done = run_here('data', 'check', tmp_path / 'b/instances_train.json', '--images', tmp_path / 'a/images')
    assert done.code == 0 and 'No faults.' in done.out
    done = run_here('data', 'check', tmp_path / 'nowhere')
    assert done.code == 2 and 'nowhere' in done.err


def test_a_cache_that_cannot_be_written_costs_no_answer(data, tmp_path, monkeypatch):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('VISIONLLM_CACHE', str(tmp_path / 'file'))
    lines = []
    monkeypatch.setattr('visionllm.annotations.pictures.print_log', lambda text, *_, **__: lines.append(text))
    assert check(tmp_path / 'a', copy(data, tmp_path / 'a', 'coco-mini/annotations/instances_val2017.json', 3)).is_sound
    assert 'cannot be written' in lines[0] and 'VISIONLLM_CACHE' in lines[0]


def test_a_set_without_images_is_a_fault(tmp_path):
    (tmp_path / 'annotations').mkdir()
    report = check(tmp_path, dict(images=[], annotations=[], categories=[dict(id=1, name='cat')]))
    assert not report.is_sound and 'sets without an image: 1' in str(report)


def test_a_broken_image_is_a_fault(data, tmp_path):
    content = copy(data, tmp_path / 'a', 'coco-mini/annotations/instances_val2017.json', 3)
    path = tmp_path / 'a/images' / content['images'][0]['file_name']
    half = path.read_bytes()
    path.unlink()
    path.write_bytes(half[:len(half) // 2])
    assert 'images that cannot be opened: 1' in str(check(tmp_path / 'a', content))
