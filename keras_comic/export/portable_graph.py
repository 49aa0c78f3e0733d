"""Graphs and descriptions of a model for runtimes other than TensorFlow."""

import contextlib
import functools
import importlib
import warnings
from pathlib import Path

import keras
import tensorflow as tf
from keras import ops

from keras_comic import presets
from keras_comic.data.paths import whole_file
from keras_comic.export.saved_model import load_generator
from keras_comic.models.drawing import run_network
from keras_comic.models.generator import Generator
from keras_comic.models.latent_generator import LatentGenerator
from keras_comic.models.style_generator import StyleGenerator

DTYPES = ("float32", "float16", "int8")
# The file of a photo's, or a drawing's, own conditions, beside the network's.
CONDITIONS = ".conditions"


class PortableGraphs:
    """The graphs of a model, of constants and simple operations.

    With `image_size` they take one photo of that size, and no operation
    depends on it, so that an interpreter can resize them to sides divisible by
    the stride; without, batches of any size.
    """

    def __init__(self, model, image_size=None):
        self.model = load_generator(model)
        self._image_size = image_size
        self._twin = _float32_twin(self.model)
        self._constants = list(
            zip(self._twin.weights, self._twin.get_weights(), strict=True)
        )
        if image_size is not None:
            _upsample_without_sizes(self._twin)

    def network(self):
        """Returns photos and conditions to comics, or codes to pictures."""
        specs = [
            self._spec(name, value.shape)
            for name, value in self.model.example_inputs().items()
        ]
        names = [spec.name for spec in specs]

        @tf.function(autograph=False, input_signature=specs)
        def draw(*values):
            inputs = dict(zip(names, values, strict=True))
            with keras.StatelessScope(state_mapping=self._constants):
                if isinstance(self.model, LatentGenerator):
                    return {"pictures": self._twin(inputs, training=False)}
                if self._image_size is not None:
                    return {"comics": self._twin(inputs, training=False)}
                photos = inputs.pop("photos")
                return {"comics": run_network(self._twin, photos, inputs)}

        return draw

    def photo_conditions(self):
        """Returns photos to their own conditions; `None` if they have none."""
        if isinstance(self.model, LatentGenerator):
            return None
        photos = self._spec("photos", (1, None, None, 3))

        @tf.function(autograph=False, input_signature=[photos])
        def encode(photos):
            with keras.StatelessScope(state_mapping=self._constants):
                return self._twin.photo_conditions(photos)

        structure = encode.get_concrete_function().structured_outputs
        return encode if structure else None

    def _spec(self, name, shape):
        size, batch = (None, None), None
        if self._image_size is not None:
            size, batch = self._image_size, 1
        if name == "photos":
            shape = (batch, *size, 3)
        return tf.TensorSpec((batch, *shape[1:]), tf.float32, name)


def check_target(path, suffix, dtype):
    """Returns the path of what is to be written."""
    path = Path(path)
    if path.suffix != suffix:
        raise ValueError(
            f"`path` must end in `{suffix}`. Received: path={str(path)!r}"
        )
    if dtype not in DTYPES:
        raise ValueError(
            f"`dtype` must be one of {list(DTYPES)}. Received: dtype={dtype!r}"
        )
    return path


def describe_model(model, dtype, licence=None):
    """Returns what an exported file says of itself, for `PortableModel`."""
    provenance = model.provenance
    if licence is None:
        facts = presets.list_presets().get(provenance.preset) or {}
        licence = facts.get("licence")
    description = {
        "software": provenance.software,
        "preset": provenance.preset,
        "preset_version": provenance.version,
        "licence": licence,
        "weights": dtype,
        "kind": model.kind,
        "value_range": [-1.0, 1.0],
    }
    if isinstance(model, LatentGenerator):
        own = type(model).truncate is not LatentGenerator.truncate
        return description | {"code_dim": model.code_dim, "truncates": not own}
    weaken = type(model).weaken
    weakens = {StyleGenerator.weaken: "style", Generator.weaken: "photo"}
    styles, conditions = {}, {}
    if model.takes_style:
        styles = model.styles
    else:
        conditions = {
            name: ops.convert_to_numpy(value).tolist()
            for name, value in model.conditions().items()
        }
    return description | {
        "stride": model.stride,
        "takes_style": model.takes_style,
        "styles": styles,
        "conditions": conditions,
        "weakens": weakens.get(weaken),
    }


def write_files(contents):
    """Writes files that appear together, or not at all; returns the paths."""
    with contextlib.ExitStack() as stack:
        for path, data in contents.items():
            stack.enter_context(whole_file(path)).write_bytes(data)
    return list(contents)


def import_package(name):
    """Imports a package of the extra `export`."""
    try:
        with warnings.catch_warnings():
            # Of what it imports in turn.
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"Models in other formats need {name.partition('.')[0]}; install "
            f"it with `pip install 'keras-comic[export]'`. ({error})"
        ) from error


def _float32_twin(model):
    """Returns a copy of a model that computes in float32."""
    config = keras.saving.serialize_keras_object(model)
    _set_float32(config)
    twin = keras.saving.deserialize_keras_object(config)
    twin.set_weights(model.get_weights())
    return twin


def _set_float32(config):
    if isinstance(config, list):
        for entry in config:
            _set_float32(entry)
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            config["config"]["name"] = "float32"
        for entry in config.values():
            _set_float32(entry)


def _upsample_without_sizes(model):
    """Lets `UpSampling2D` repeat pixels by a rearrangement of channels.

    Keras's own reshapes to sizes that are then fixed in the file.
    """
    for layer in model._flatten_layers():
        if type(layer) is keras.layers.UpSampling2D:
            rows, columns = layer.size
            if layer.interpolation == "nearest" and rows == columns:
                layer.call = functools.partial(_repeat, rows)


def _repeat(times, inputs):
    """Repeats each pixel in both directions."""
    copies = tf.concat([inputs] * times**2, axis=-1)
    return tf.nn.depth_to_space(copies, times)
