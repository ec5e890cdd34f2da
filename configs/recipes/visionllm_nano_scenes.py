# The shipped weights from nothing: four trainings that start from one another, then the export. about 9 hours.
#   make weights     (or: python tools/train_recipe.py configs/recipes/visionllm_nano_scenes.py [--plan])
# Resumable: finished trainings and pre-training stages are kept in work_dirs/. The minutes were measured on one core of
# an AMD EPYC (two for the last ones); what this machine took last time is shown in their place.
runs = [
    dict(config='configs/deformable_detr/deformable-detr_nano_scenes.py', amp=True, minutes=104),
    dict(config='configs/visionllm/visionllm_nano_scenes.py', minutes=73, stage_minutes={'class-map-reading': 20}),
    dict(config='configs/guided_detr/guided-detr_nano_scenes.py', amp=True, minutes=60),
    dict(config='configs/visionllm/visionllm_nano_scenes-five-tasks.py', minutes=310, stage_minutes={
        'scene-description-1': 56, 'scene-description-2': 28, 'scene-description-3': 39, 'scene-description-4': 38,
        'scene-description-5': 48, 'roi-classification': 22, 'phrase-grounding-1': 14, 'phrase-grounding-2': 11,
        'token-word-alignment': 12, 'mask-prediction': 31}),
]
out = 'visionllm/weights/scenes'
