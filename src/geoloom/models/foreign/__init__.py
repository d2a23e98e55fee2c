"""Networks in ONNX files, whoever made them: what the file says, what has to be stated, and how it runs."""
