"""The observers of a training run."""
