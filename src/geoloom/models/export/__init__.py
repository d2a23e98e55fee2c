"""Trained models as files for other programs: ONNX, torch's own programs, STAC items."""
