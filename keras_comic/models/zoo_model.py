"""The base of all kinds of model: presets, provenance, a fixed example."""

import keras
import numpy as np

from keras_comic import presets
from keras_comic.layers import network_policy
from keras_comic.provenance.metadata import Provenance

EXAMPLE_HEIGHT, EXAMPLE_WIDTH = 64, 61


class ZooModel(keras.Model):
    """A model that presets hold, of one of four kinds.

    `Generator`, `StyleGenerator`, `LatentGenerator` and `SequenceGenerator`
    derive from it; a family derives from one of those.

    Args:
        **kwargs: Keyword arguments of `keras.Model`.
    """

    # "generator", "style_generator", "latent_generator", "sequence_generator".
    kind = None
    # Set by `from_preset`.
    preset_name = None
    preset_version = None

    def __init__(self, **kwargs):
        super().__init__(
            dtype=network_policy(kwargs.pop("dtype", None)), **kwargs
        )

    def __reduce__(self):
        # Keras copies by saving, which leaves out what no config holds.
        rebuild, values = super().__reduce__()
        return _rebuilt, (
            rebuild,
            values,
            {
                name: getattr(self, name)
                for name in ("preset_name", "preset_version")
            },
        )

    def export(self, filepath, format="tf_saved_model", **options):
        """Exports what `call` computes, as `keras.Model.export` does.

        A SavedModel that takes photos of any size, styles by name and
        strength is written by `keras_comic.export.save_served_model`.

        Args:
            filepath: Path to write to.
            format: String, as in Keras. Defaults to `"tf_saved_model"`.
            **options: As in Keras. `input_signature` is that of
                `example_inputs`, of any batch and size, by default.
        """
        if "input_signature" not in options:
            options["input_signature"] = [_any_size(self.example_inputs())]
        super().export(filepath, format=format, **options)

    @property
    def provenance(self):
        """The `provenance.Provenance` that files of its pictures carry."""
        return Provenance(self.preset_name, self.preset_version)

    def example_inputs(self):
        """Returns one fixed input, the same on every machine.

        Golden numbers, tracing, signatures, warm-up requests and shared tests
        are made from it.

        Returns:
            Dict of name to float32 NumPy array with a batch axis of 1: what
            `call` takes.
        """
        raise NotImplementedError(
            f"`{type(self).__name__}` must override `example_inputs()`."
        )

    def example_output(self):
        """Returns what the model makes of `example_inputs()`.

        Returns:
            Float32 tensor `(1, height, width, 3)`, RGB in `[-1, 1]`.
        """
        return self(self.example_inputs(), training=False)

    @classmethod
    def from_preset(cls, preset):
        """Loads a model of this class from a preset.

        Args:
            preset: A built-in name (`keras_comic.list_presets()`), a folder,
                or a handle `hf://user/repository` or
                `kaggle://user/model/framework/variation`.

        Returns:
            A model, built, with its weights.

        Raises:
            ValueError: If the name is unknown, the preset holds another
                class, or a checksum does not agree.
            FileNotFoundError: If a file of the preset is missing.
        """
        model = presets.from_preset(preset)
        if not isinstance(model, cls):
            raise ValueError(
                f"The preset must hold a `{cls.__name__}`. Received: "
                f"preset={preset!r}, a `{type(model).__name__}`"
            )
        return model

    def save_to_preset(self, folder, metadata=None):
        """Writes the model as a preset folder.

        Args:
            folder: Path of the folder; made if it does not exist.
            metadata: Dict or `None`. Entries for `metadata.json`, such as
                `licence`, `training_data`, `recipe` and `results`. Defaults
                to `None`.
        """
        presets.save_to_preset(self, folder, metadata)


def example_pattern(height=EXAMPLE_HEIGHT, width=EXAMPLE_WIDTH, phase=0.0):
    """Returns a picture of waves, float32 `(1, height, width, 3)`."""
    rows = np.linspace(0.0, 6.0, height)[:, None]
    columns = np.linspace(0.0, 5.0, width)[None, :]
    channels = [
        np.sin(rows * (1.0 + 0.5 * i) + phase) * np.cos(columns + i + phase)
        for i in range(3)
    ]
    return np.stack(channels, axis=-1)[None].astype("float32")


def _rebuilt(rebuild, values, attributes):
    model = rebuild(*values)
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


def _any_size(inputs):
    """Returns the specification of a model's inputs, of any batch and size."""

    def spec(name, value):
        sides = (None, None) if value.ndim == 4 else value.shape[1:-1]
        return keras.InputSpec(
            shape=(None, *sides, value.shape[-1]), dtype="float32", name=name
        )

    return {name: spec(name, value) for name, value in inputs.items()}
