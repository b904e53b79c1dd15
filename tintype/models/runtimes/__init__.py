"""Runtimes: what executes a network. Each takes uint8 pixels and gives float32 rows.

choice.py         which runtime and precision this machine should use, and why
graph_folder.py   a network prepared for a runtime, kept on disk by content
opening.py        the way in: checkpoint and choice -> a runtime that was checked against fp32
torch_runtime.py, openvino_runtime.py, onnx_runtime.py   one executor each
quantization.py   int8 on the user's own images, with its guard
agreement.py      how close two networks' outputs are
"""
