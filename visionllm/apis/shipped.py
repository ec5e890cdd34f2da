"""The models in this package, with the configs that they were trained by, which are in the project's folder."""

from visionllm.assets import SHIPPED as FOLDERS

CONFIGS = dict(photo='configs/visionllm/visionllm_ssd-mobilenet-v2_coco.py',
               scenes='configs/visionllm/visionllm_nano_scenes-five-tasks.py')
# config and weights by name
SHIPPED = {name: (config, str(FOLDERS[name] / 'model.safetensors')) for name, config in CONFIGS.items()}
