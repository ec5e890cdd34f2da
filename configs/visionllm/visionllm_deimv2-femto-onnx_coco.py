# visionllm_deimv2-femto_coco.py with the detector as an ONNX file: boxes and class scores, no hidden states.
#   VISIONLLM_COCO=... python tools/train.py configs/visionllm/visionllm_deimv2-femto-onnx_coco.py
# Cost: 60 steps of 8 images, minutes. Needs onnxruntime (pip install visionllm[onnx]).
_base_ = ['./visionllm_deimv2-femto_coco.py']
model = dict(connector=dict(detector=dict(
    _delete_=True,
    type='OnnxDetector',
    source='{{$VISIONLLM_DATA:data}}/weights/deimv2-femto-coco/deimv2_hgnetv2_femto_coco.onnx')))
