# Boxes by example with the Flamingo of nonsense names for colours: in which box of a picture of two to four objects is
# the asked name the most likely? Nothing is trained: the checkpoint is that of the config below.
#   python tools/test.py configs/flamingo/flamingo_efficientnet-lite0_smollm2-135m_scenes-boxes.py CHECKPOINT
# Among the annotated boxes. Expected: docs/results/flamingo.md. Among boxes that the shipped model for scenes finds:
#   visionllm predict data/scenes_few/images/test --model scenes --coco proposals.json --classes circle square triangle \
#       star heart cross ring moon arrow hexagon
#   python tools/test.py ... --cfg-options test_dataloader.dataset.proposals=proposals.json
_base_ = 'flamingo_efficientnet-lite0_smollm2-135m_scenes-episodes.py'
model = dict(heads=dict(text=dict(max_new_tokens=1)))  # only likelihoods count
test_dataloader = dict(batch_size=8, dataset=dict(
    _delete_=True, type='SceneBoxEpisodes', shots={{_base_.test_pictures}}, num_episodes=100, pipeline={{_base_.pack}},
    asked=dict(root='data/scenes_few', split='test', num_images=800, seed=1020)))
test_evaluator = dict(metrics=[dict(type='CandidateBoxMetric')])
