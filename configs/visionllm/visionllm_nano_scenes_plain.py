# The paper's plain recipe at nano size: hard bins, cross-entropy alone, no name alignment, no priors from the
# tokenizer, no second look, no residual around the language model, all image tokens in every block's context. For
# ablations.
_base_ = './visionllm_nano_scenes.py'
model = dict(
    second_look=None,
    heads=dict(
        tuples=dict(soft_bin_sigma=0.0, box_loss_weight=0.0, name_loss_weight=0.0, objectness_prior=False,
                    corner_prior=False, name_residual=False, reading_weight=1.0, image_context=True,
                    train_tuples=None, train_coordinates=None)))
custom_hooks = []
