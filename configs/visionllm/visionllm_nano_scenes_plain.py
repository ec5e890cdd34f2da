# The paper's plain recipe at nano size: hard bins, cross-entropy alone, no name alignment, no priors from the
# tokenizer, no RoI refiner, all image tokens in every tuple's context. For ablations.
_base_ = './visionllm_nano_scenes.py'
model = dict(
    refiners=None,
    heads=dict(tuples=dict(
        class_reader=dict(initial_scale=1.0, image_context=True),
        alignment=None,
        objectness=None,
        coordinates=dict(location_prior=None, soft_bin_sigma=0.0, box_loss_weight=0.0),
        train_tuples=None,
        train_coordinates=None)))
custom_hooks = []
