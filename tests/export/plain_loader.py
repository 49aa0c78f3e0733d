"""Runs a SavedModel with TensorFlow alone.

python plain_loader.py FOLDER REQUESTS ANSWERS
"""

import pickle
import sys

# Importing them fails, as where they are not installed.
sys.modules["keras_comic"] = sys.modules["keras"] = None

import tensorflow as tf  # noqa: E402


def main(folder, requests, answers):
    with open(requests, "rb") as file:
        _, cases = pickle.load(file)
    signatures = tf.saved_model.load(folder).signatures
    results = []
    for name, inputs in cases:
        tensors = {k: tf.constant(value) for k, value in inputs.items()}
        outputs = signatures[name](**tensors)
        results.append({k: value.numpy() for k, value in outputs.items()})
    with open(answers, "wb") as file:
        pickle.dump(results, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
