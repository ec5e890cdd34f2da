"""A synthetic world of shapes, drawn as pictures and written as ordinary COCO folders.

Every scene is a function of ``(seed, index)`` alone: the same pair draws the same picture on any machine. A scene
holds 1 to ``max_objects`` objects that may hide parts of each other; boxes and polygons describe what is *visible*,
as in COCO. What is said about a scene (captions, referring expressions, questions) is in ``scene_language.py`` and
draws from a random stream of its own, so that it never changes a picture.
"""

import json
import math
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from shapely import affinity
from shapely.geometry import MultiPoint, MultiPolygon, Point, Polygon

SHAPES = ('circle', 'square', 'triangle', 'star', 'heart', 'cross', 'ring', 'moon', 'arrow', 'hexagon')
COLOURS = {  # RGB
    'red': (214, 40, 40), 'orange': (240, 138, 30), 'yellow': (236, 214, 60), 'green': (46, 150, 66),
    'blue': (40, 92, 206), 'purple': (134, 60, 176), 'pink': (238, 132, 176), 'white': (240, 240, 240),
}  # yapf: disable
SIZES = {'small': (0.055, 0.085), 'medium': (0.10, 0.14), 'large': (0.16, 0.22)}  # radius / image side
MATERIALS = ('matte', 'metal', 'striped', 'dotted')
CLASSES = {  # what annotations may go by
    'shape': SHAPES,
    'colour': tuple(f'{colour} thing' for colour in COLOURS),
    'description': tuple(' '.join(words) for words in product(SIZES, COLOURS, MATERIALS, SHAPES)),
}

POINTS = ('top', 'top right', 'right', 'bottom right', 'bottom', 'bottom left', 'left', 'top left')

SUPERSAMPLING = 2  # drawn larger and averaged down: smooth edges
MIN_VISIBLE = 0.45  # share of an object that must remain uncovered
PLACING_TRIES = 20


@dataclass
class SceneObject:
    """One object. ``outline`` is its full shape and ``visible`` what is left of it, in pixels of the picture."""
    shape: str
    colour: str
    size: str
    material: str
    outline: Polygon
    visible: Polygon | MultiPolygon = field(default=None)
    points: dict[str, tuple[float, float]] = field(default_factory=dict)  # named corners, hidden ones as well

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Visible extent ``(x1, y1, x2, y2)`` in pixels."""
        return self.visible.bounds


@dataclass
class Scene:
    """A picture (``uint8[H, W, 3]`` RGB) and its objects, from the farthest to the nearest."""
    image: np.ndarray
    objects: list[SceneObject]


def scene_rng(seed: int, index: int, stream: int = 0) -> np.random.Generator:
    """Independent random stream of one scene (0: the picture, 1: what is said about it)."""
    return np.random.default_rng([seed, index, stream])


def _ring_of(angles, radii) -> Polygon:
    return Polygon([(r * math.sin(a), -r * math.cos(a)) for a, r in zip(angles, radii)])


def _regular(corners: int, turn: float = 0.0) -> Polygon:
    return _ring_of([turn + 2 * math.pi * i / corners for i in range(corners)], [1.0] * corners)


def _cross(a: float = 0.93, b: float = 0.33) -> Polygon:
    return Polygon([(-b, -a), (b, -a), (b, -b), (a, -b), (a, b), (b, b), (b, a), (-b, a), (-b, b), (-a, b), (-a, -b),
                    (-b, -b)])


def _heart() -> Polygon:
    t = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    x, y = 16 * np.sin(t)**3, 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return Polygon(np.stack([x / 17, -y / 17], 1))


_DISC = Point(0, 0).buffer(1.0, quad_segs=12)
_OUTLINES = {
    'circle': _DISC,
    'square': _regular(4, math.pi / 4),
    'triangle': _regular(3),
    'hexagon': _regular(6, math.pi / 6),
    'star': _ring_of([math.pi * i / 5 for i in range(10)], [1.0, 0.42] * 5),
    'cross': _cross(),
    'ring': _DISC.difference(Point(0, 0).buffer(0.55, quad_segs=12)),
    'moon': _DISC.difference(Point(0.55, -0.1).buffer(0.85, quad_segs=12)),
    'arrow': Polygon([(0, -1), (0.75, -0.1), (0.3, -0.1), (0.3, 0.95), (-0.3, 0.95), (-0.3, -0.1), (-0.75, -0.1)]),
    'heart': _heart(),
}


def _corners(*places: tuple[int, str]) -> dict[str, tuple[float, float]]:
    """Named corners by the angle, in degrees clockwise from the top, at which they lie on the unit circle."""
    return {name: (math.sin(math.radians(angle)), -math.cos(math.radians(angle))) for angle, name in places}


# Corners that have a name; a circle and a ring have none, and of a cross it is the ends of its arms.
UNIT_POINTS = dict.fromkeys(SHAPES, {}) | {
    'square': _corners((45, 'top right'), (135, 'bottom right'), (225, 'bottom left'), (315, 'top left')),
    'triangle': _corners((0, 'top'), (120, 'bottom right'), (240, 'bottom left')),
    'hexagon': _corners((30, 'top right'), (90, 'right'), (150, 'bottom right'), (210, 'bottom left'), (270, 'left'),
                        (330, 'top left')),
    'star': _corners((0, 'top'), (72, 'right'), (144, 'bottom right'), (216, 'bottom left'), (288, 'left')),
    'cross': {'top': (0, -0.93), 'right': (0.93, 0), 'bottom': (0, 0.93), 'left': (-0.93, 0)},
    'moon': {'top right': (0.367, -0.930), 'bottom right': (0.671, 0.741)},  # its horns
    'arrow': {'top': (0, -1), 'right': (0.75, -0.1), 'bottom right': (0.3, 0.95), 'bottom left': (-0.3, 0.95),
              'left': (-0.75, -0.1)},
    'heart': {'top': (0, -5 / 17), 'bottom': (0, 1)},  # the notch and the tip
}


def unit_outline(shape: str) -> Polygon:
    """Outline of a shape around the origin, about as large as the unit circle, y pointing down."""
    return _OUTLINES[shape]


def draw_scene(seed: int, index: int, side: int = 128, max_objects: int = 8) -> Scene:
    """Draw scene ``index`` of the world ``seed``: ``side`` x ``side`` pixels, 1 to ``max_objects`` objects."""
    rng = scene_rng(seed, index)
    objects = _place_objects(rng, side, max_objects)
    scale = SUPERSAMPLING
    canvas = _background(rng, side * scale)
    for obj in objects:
        _paint(canvas, obj, scale, rng)
    image = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA)
    image = image + rng.normal(0, 3.0, image.shape)
    return Scene(np.clip(image, 0, 255).astype(np.uint8), objects)


def _place_objects(rng: np.random.Generator, side: int, max_objects: int) -> list[SceneObject]:
    """Put objects one before the other; one that would hide too much of another is placed elsewhere or left out."""
    objects: list[SceneObject] = []
    for _ in range(int(rng.integers(1, max_objects + 1))):
        for _ in range(PLACING_TRIES):
            new = _random_object(rng, side)
            rest = [old.visible.difference(new.outline) for old in objects]
            if all(r.area >= MIN_VISIBLE * old.outline.area for r, old in zip(rest, objects)):
                for old, visible in zip(objects, rest):
                    old.visible = visible
                objects.append(new)
                break
    return objects


def _random_object(rng: np.random.Generator, side: int) -> SceneObject:
    shape, colour, size, material = (str(rng.choice(list(names))) for names in (SHAPES, COLOURS, SIZES, MATERIALS))
    radius = rng.uniform(*SIZES[size]) * side
    x, y = rng.uniform(radius, side - radius, 2)
    angle = rng.uniform(-20, 20)

    def put(geometry):
        turned = affinity.rotate(geometry, angle, origin=(0, 0))
        return affinity.translate(affinity.scale(turned, radius, radius, origin=(0, 0)), x, y)
    outline, corners = put(unit_outline(shape)), put(MultiPoint(list(UNIT_POINTS[shape].values())))
    points = {name: (corner.x, corner.y) for name, corner in zip(UNIT_POINTS[shape], corners.geoms)}
    return SceneObject(shape, colour, size, material, outline, visible=outline, points=points)


def _background(rng: np.random.Generator, side: int) -> np.ndarray:
    """A two-coloured cloudy, striped or checked ground, muted so that objects stand out: ``float32[side, side, 3]``."""
    dark, light = rng.uniform(40, 110, 3), rng.uniform(100, 180, 3)
    kind = rng.choice(['clouds', 'stripes', 'checks'])
    clouds = sum(
        cv2.resize(rng.random((cells, cells), dtype=np.float32), (side, side), interpolation=cv2.INTER_CUBIC) * weight
        for cells, weight in ((4, 0.5), (12, 0.3), (40, 0.2)))
    ys, xs = np.mgrid[:side, :side].astype(np.float32) / side
    angle, waves = rng.uniform(0, math.pi), rng.uniform(3, 12)
    across = xs * math.cos(angle) + ys * math.sin(angle)
    along = ys * math.cos(angle) - xs * math.sin(angle)
    pattern = {
        'clouds': clouds,
        'stripes': 0.5 + 0.5 * np.sin(2 * math.pi * waves * across),
        'checks': 0.5 + 0.5 * np.sign(np.sin(2 * math.pi * waves * across) * np.sin(2 * math.pi * waves * along)),
    }[str(kind)]
    mixed = (0.55 * clouds + 0.45 * pattern)[..., None]
    return (dark + (light - dark) * mixed).astype(np.float32)


def _paint(canvas: np.ndarray, obj: SceneObject, scale: int, rng: np.random.Generator) -> None:
    """Draw an object's outline, filled with its material, into ``canvas``."""
    mask = np.zeros(canvas.shape[:2], np.uint8)
    rings = [obj.outline.exterior, *obj.outline.interiors]
    cv2.fillPoly(mask, [np.round(np.asarray(r.coords) * scale * 16).astype(np.int32) for r in rings], 255, shift=4)
    x1, y1, x2, y2 = (int(v * scale) for v in obj.outline.bounds)
    height, width = mask.shape
    window = (slice(max(y1 - 1, 0), min(y2 + 2, height)), slice(max(x1 - 1, 0), min(x2 + 2, width)))
    mask = mask[window][..., None] > 0
    ys, xs = np.mgrid[window].astype(np.float32) / scale
    shade = _shade(obj, xs, ys, rng)[..., None]
    colour = np.asarray(COLOURS[obj.colour], np.float32) + rng.uniform(-12, 12, 3)
    canvas[window] = np.where(mask, np.clip(colour * shade, 0, 255), canvas[window])


def _shade(obj: SceneObject, xs: np.ndarray, ys: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness of a material at pixel positions, about 1."""
    x1, y1, x2, y2 = obj.outline.bounds
    if obj.material == 'metal':
        glare = np.exp(-((xs - x1 - 0.35 * (x2 - x1))**2 + (ys - y1 - 0.3 * (y2 - y1))**2) / (0.08 * (x2 - x1)**2))
        return 0.55 + 0.45 * (y2 - ys) / (y2 - y1) + 0.6 * glare
    pitch = max((x2 - x1) / 5, 2.5)
    if obj.material == 'striped':
        angle = rng.uniform(0, math.pi)
        return np.where(np.sin(2 * math.pi * (xs * math.cos(angle) + ys * math.sin(angle)) / pitch) > 0, 1.05, 0.5)
    if obj.material == 'dotted':
        return np.where(((xs - x1) % pitch - pitch / 2)**2 + ((ys - y1) % pitch - pitch / 2)**2 < (pitch / 3.2)**2,
                        0.45, 1.05)
    return np.ones_like(xs)


def scene_phrases(obj: SceneObject) -> dict[str, str]:
    """What an object may be called in a class set, by kind of name. Within one kind every object has one name."""
    return {
        'shape': obj.shape,
        'colour': f'{obj.colour} thing',
        'colour shape': f'{obj.colour} {obj.shape}',
        'size shape': f'{obj.size} {obj.shape}',
        'material shape': f'{obj.material} {obj.shape}',
        'description': f'{obj.size} {obj.colour} {obj.material} {obj.shape}',
    }


def to_coco(scene: Scene, image_id: int, file_name: str, first_ann_id: int,
            kind: str = 'shape') -> tuple[dict, list[dict]]:
    """COCO records of a scene: the image's, and one annotation an object."""
    height, width = scene.image.shape[:2]
    image = dict(id=image_id, file_name=file_name, height=height, width=width)
    annotations = []
    for offset, obj in enumerate(scene.objects):
        x1, y1, x2, y2 = obj.box
        parts = obj.visible.geoms if isinstance(obj.visible, MultiPolygon) else [obj.visible]
        annotations.append(
            dict(
                id=first_ann_id + offset,
                image_id=image_id,
                category_id=CLASSES[kind].index(scene_phrases(obj)[kind]) + 1,
                bbox=[round(v, 2) for v in (x1, y1, x2 - x1, y2 - y1)],
                area=round(obj.visible.area, 2),
                segmentation=[np.asarray(p.exterior.coords[:-1]).round(2).ravel().tolist() for p in parts],
                iscrowd=0,
                attributes=dict(colour=obj.colour, size=obj.size, material=obj.material),
                phrases=scene_phrases(obj)))
    return image, annotations


def write_coco_folder(root: str | Path, split: str, num_images: int, seed: int, side: int = 128,
                      max_objects: int = 8, kind: str = 'shape') -> Path:
    """Write ``root/images/{split}/*.jpg`` and ``root/annotations/NAME_{split}.json``.

    NAME is ``instances``, ``captions``, ``expressions`` and ``questions``, and ``descriptions``: the same objects, each
    called all that it is.

    A folder that is already complete for the same arguments is left as it is.

    Returns:
        Path of the instances file.
    """
    from .scene_language import captions, expressions, questions

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
    said = dict(captions=[], expressions=[], questions=[])
    for index in range(num_images):
        scene = draw_scene(seed, index, side, max_objects)
        file_name = f'{index:06d}.jpg'
        cv2.imwrite(str(folder / file_name), scene.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        image, anns = to_coco(scene, index + 1, file_name, len(annotations) + 1, kind)
        images.append(image)
        annotations += anns
        rng = scene_rng(seed, index, stream=1)
        said['captions'] += [dict(image_id=index + 1, caption=text) for text in captions(scene, rng)]
        said['expressions'] += [
            dict(image_id=index + 1, expression=text, ann_id=anns[which]['id'], relation=relation)
            for text, which, relation in expressions(scene, rng)
        ]
        said['questions'] += [dict(image_id=index + 1, question=q, answer=a, kind=kind)
                              for q, a, kind in questions(scene, rng)]
    for name, records in said.items():
        for number, record in enumerate(records):
            record['id'] = number + 1
        content = dict(info=info, images=images, annotations=records)
        (target.parent / f'{name}_{split}.json').write_text(json.dumps(content))
    called = CLASSES['description']
    described = [dict(id=ann['id'], image_id=ann['image_id'], bbox=ann['bbox'], area=ann['area'], iscrowd=0,
                      category_id=called.index(ann['phrases']['description']) + 1) for ann in annotations]
    for name, records, names in (('descriptions', described, called), ('instances', annotations, CLASSES[kind])):
        categories = [dict(id=i + 1, name=name) for i, name in enumerate(names)]
        content = dict(info=info, images=images, annotations=records, categories=categories)
        # instances last: their presence says that the folder is complete
        (target.parent / f'{name}_{split}.json').write_text(json.dumps(content))
    return target


def write_points(root: str | Path, split: str, num_images: int, seed: int, side: int = 128,
                 max_objects: int = 8) -> Path:
    """Write ``root/annotations/keypoints_{split}.json`` beside the files of ``write_coco_folder``, which are written if
    they are not there: the same objects with their named corners. Pictures are not drawn again.

    Returns:
        Its path.
    """
    instances = write_coco_folder(root, split, num_images, seed, side, max_objects)
    content = json.loads(instances.read_text())
    target = instances.with_name(f'keypoints_{split}.json')
    if target.exists() and json.loads(target.read_text())['info'] == content['info']:
        return target
    records = iter(content['annotations'])
    for index in range(num_images):
        objects = _place_objects(scene_rng(seed, index), side, max_objects)
        for number, obj in enumerate(objects):
            flags = _flags(obj, objects[number + 1:])
            flat = [value for name in POINTS for value in (*np.round(obj.points.get(name, (0, 0)), 2), flags[name])]
            next(records).update(keypoints=list(map(float, flat)), num_keypoints=len(obj.points))
    for category in content['categories']:
        category.update(keypoints=[name.replace(' ', '_') for name in POINTS], skeleton=[])
    target.write_text(json.dumps(content))
    return target


def _flags(obj: SceneObject, nearer: list[SceneObject]) -> dict[str, int]:
    """COCO's v of each named corner: 0 where the shape has no such corner, 1 where it is hidden, 2 where it is seen."""
    hidden = {name for name, place in obj.points.items()
              if any(other.outline.contains(Point(place)) for other in nearer)}
    return {name: 0 if name not in obj.points else 1 if name in hidden else 2 for name in POINTS}
