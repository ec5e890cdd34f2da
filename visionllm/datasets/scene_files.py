"""Synthetic scenes written as COCO folders: images, objects, keypoints, captions, expressions and questions."""

import json
from pathlib import Path

import cv2
import numpy as np
from shapely.geometry import MultiPolygon, Point

from visionllm.structures.boxes import to_xywh

from .scene_language import captions, expressions, questions
from .scenes import (
    CLASSES,
    KEYPOINT_NAMES,
    Scene,
    SceneObject,
    draw_scene,
    object_phrases,
    place_objects,
    scene_rng,
)


def to_coco(scene: Scene, image_id: int, file_name: str, first_ann_id: int,
            kind: str = 'shape') -> tuple[dict, list[dict]]:
    """Convert a scene to COCO records.

    Args:
        scene: The scene.
        image_id: Id of the image.
        file_name: File name of the image.
        first_ann_id: Id of the first annotation.
        kind: Kind of class names, a key of ``CLASSES``.

    Returns:
        The image record, and one annotation per object.
    """
    height, width = scene.image.shape[:2]
    image = dict(id=image_id, file_name=file_name, height=height, width=width)
    annotations = []
    for offset, obj in enumerate(scene.objects):
        parts = obj.visible.geoms if isinstance(obj.visible, MultiPolygon) else [obj.visible]
        phrases = object_phrases(obj)
        annotations.append(
            dict(
                id=first_ann_id + offset,
                image_id=image_id,
                category_id=CLASSES[kind].index(phrases[kind]) + 1,
                bbox=[round(v, 2) for v in to_xywh(obj.box)],
                area=round(obj.visible.area, 2),
                segmentation=[np.asarray(p.exterior.coords[:-1]).round(2).ravel().tolist() for p in parts],
                iscrowd=0,
                attributes=dict(colour=obj.colour, size=obj.size, material=obj.material),
                phrases=phrases))
    return image, annotations


def write_coco_folder(root: str | Path, split: str, num_images: int, seed: int, side: int = 128,
                      max_objects: int = 8, kind: str = 'shape') -> Path:
    """Write the images and annotations of a split of scenes.

    The files are ``root/images/SPLIT/*.jpg`` and ``root/annotations/NAME_SPLIT.json``, where NAME is ``instances``,
    ``captions``, ``expressions``, ``questions`` and ``descriptions`` (the same objects, with class names of all
    attributes). A folder that is complete for the same arguments is left as it is.

    Args:
        root: Folder to write to.
        split: Name of the split.
        num_images: Number of images.
        seed: Seed of the scenes.
        side: Height and width of an image in pixels.
        max_objects: Maximum number of objects of a scene.
        kind: Kind of the class names of ``instances``, a key of ``CLASSES``.

    Returns:
        Path of the instances file.
    """
    root = Path(root)
    target = root / 'annotations' / f'instances_{split}.json'
    info = dict(description='VisionLLM synthetic scenes', seed=seed, num_images=num_images, side=side,
                max_objects=max_objects, kind=kind, version=2)
    if target.exists() and json.loads(target.read_text())['info'] == info:
        return target
    folder = root / 'images' / split
    folder.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    texts = dict(captions=[], expressions=[], questions=[])
    for index in range(num_images):
        scene = draw_scene(seed, index, side, max_objects)
        file_name = f'{index:06d}.jpg'
        cv2.imwrite(str(folder / file_name), scene.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        image, anns = to_coco(scene, index + 1, file_name, len(annotations) + 1, kind)
        images.append(image)
        annotations += anns
        for name, records in _text_records(scene, scene_rng(seed, index, stream=1), image, anns).items():
            texts[name] += records
    for name, records in texts.items():
        for number, record in enumerate(records):
            record['id'] = number + 1
        content = dict(info=info, images=images, annotations=records)
        (target.parent / f'{name}_{split}.json').write_text(json.dumps(content))
    descriptions = CLASSES['description']
    described = [dict(id=ann['id'], image_id=ann['image_id'], bbox=ann['bbox'], area=ann['area'], iscrowd=0,
                      category_id=descriptions.index(ann['phrases']['description']) + 1) for ann in annotations]
    for name, records, names in (('descriptions', described, descriptions), ('instances', annotations, CLASSES[kind])):
        categories = [dict(id=i + 1, name=name) for i, name in enumerate(names)]
        content = dict(info=info, images=images, annotations=records, categories=categories)
        # the instances file is written last, since its presence marks the folder as complete
        (target.parent / f'{name}_{split}.json').write_text(json.dumps(content))
    return target


def _text_records(scene: Scene, rng: np.random.Generator, image: dict, anns: list[dict]) -> dict[str, list[dict]]:
    """Records without ids of the captions, expressions and questions of a scene, by the name of their file."""
    return dict(
        captions=[dict(image_id=image['id'], caption=text) for text in captions(scene, rng)],
        expressions=[dict(image_id=image['id'], expression=text, ann_id=anns[index]['id'], relation=relation)
                     for text, index, relation in expressions(scene, rng)],
        questions=[dict(image_id=image['id'], question=question, answer=answer, kind=kind)
                   for question, answer, kind in questions(scene, rng)])


def write_keypoints(root: str | Path, split: str, num_images: int, seed: int, side: int = 128,
                    max_objects: int = 8) -> Path:
    """Write ``root/annotations/keypoints_SPLIT.json``, the objects of the instances file with their keypoints.

    The files of ``write_coco_folder`` are written first if they do not exist; the images are not drawn again.

    Args:
        root, split, num_images, seed, side, max_objects: As in ``write_coco_folder``.

    Returns:
        Path of the keypoints file.
    """
    instances = write_coco_folder(root, split, num_images, seed, side, max_objects)
    content = json.loads(instances.read_text())
    target = instances.with_name(f'keypoints_{split}.json')
    if target.exists() and json.loads(target.read_text())['info'] == content['info']:
        return target
    records = iter(content['annotations'])
    for index in range(num_images):
        objects = place_objects(scene_rng(seed, index), side, max_objects)
        for number, obj in enumerate(objects):
            visibility = _visibility(obj, objects[number + 1:])
            values = [value for name in KEYPOINT_NAMES
                      for value in (*np.round(obj.keypoints.get(name, (0, 0)), 2), visibility[name])]
            next(records).update(keypoints=list(map(float, values)), num_keypoints=len(obj.keypoints))
    for category in content['categories']:
        category.update(keypoints=[name.replace(' ', '_') for name in KEYPOINT_NAMES], skeleton=[])
    target.write_text(json.dumps(content))
    return target


def _visibility(obj: SceneObject, nearer: list[SceneObject]) -> dict[str, int]:
    """COCO's v of each keypoint: 0 if the shape has no such keypoint, 1 if it is occluded, 2 if it is visible."""
    occluded = {name for name, point in obj.keypoints.items()
                if any(other.polygon.contains(Point(point)) for other in nearer)}
    return {name: 0 if name not in obj.keypoints else 1 if name in occluded else 2 for name in KEYPOINT_NAMES}
