"""Models for serving: SavedModel, ONNX and LiteRT."""
