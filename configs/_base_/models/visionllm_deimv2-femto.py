# VisionLLM on DEIMv2-HGNetv2-Femto, the folder weights/deimv2-femto-coco of VISIONLLM_DATA.
_base_ = './visionllm_detector.py'
model = dict(connector=dict(detector=dict(
    type='TransformersDetector', source='{{$VISIONLLM_DATA:data}}/weights/deimv2-femto-coco')))
