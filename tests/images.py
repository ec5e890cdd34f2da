"""Image files for annotation files that are written in tests."""

from pathlib import Path

from PIL import Image


def write_images(folder: Path, images: list[dict]) -> None:
    """Write a grey image for each COCO image record, in its size and under its name (LVIS: that of its URL)."""
    for image in images:
        name = image.get('file_name') or '/'.join(image['coco_url'].split('/')[-2:])
        (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('L', (image['width'], image['height'])).save(Path(folder) / name)
