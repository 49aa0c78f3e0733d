"""Models saved with tensorflow-addons, loaded without it.

tensorflow-addons ended in 2024 and cannot be imported beside Keras 3. Once
this module is imported, `keras.saving.load_model` knows the names of its
normalisation layers: `Addons>InstanceNormalization`, `GroupNormalization`,
`SpectralNormalization` and `WeightNormalization`. They compute what
tensorflow-addons 0.23.0 computed. `keras_comic.layers.dense_image_warp` is the
equal of its function. For a network of your own take `keras_comic.layers` or
`keras.layers` instead.

Keras 3 does not read every model of Keras 2, with or without these layers:
`load_model` and `model_from_config` of this module also read models whose
blocks are models themselves, and the JSON of `model.to_json()`.
"""

import json

import h5py
import keras
from keras import ops

# Classes of Keras 2 whose modules are gone, but which a model still reads in
# the old format, without a module.
_MODELS = ("Functional", "Model", "Sequential")

# Settings that layers of Keras 3 no longer take: their new names, or `None`
# where the value had no effect.
_SETTINGS = {
    "Conv2DTranspose": {"groups": None},
    "DepthwiseConv2D": {"groups": None},
    "LeakyReLU": {"alpha": "negative_slope"},
    "SeparableConv2D": {
        "groups": None,
        "kernel_constraint": None,
        "kernel_initializer": None,
        "kernel_regularizer": None,
    },
}
_register = keras.saving.register_keras_serializable(package="Addons")


@_register
class GroupNormalization(keras.layers.GroupNormalization):
    """Normalises groups of channels: Keras's layer, by its older name."""


@_register
class InstanceNormalization(keras.layers.GroupNormalization):
    """Normalises each channel of each image: a group for each channel.

    `groups` is `-1`, whatever a config says, as it was there.
    """

    def __init__(self, **kwargs):
        kwargs["groups"] = -1
        super().__init__(**kwargs)


@_register
class SpectralNormalization(keras.layers.SpectralNormalization):
    """Spectral normalisation that divides the kernel itself, in training.

    The saved kernel is divided already, so the forward takes it as it is;
    `keras_comic.layers.SpectralNormalization`, which is the one for training,
    has the same weights in the same order, keeps the kernel and divides in
    every forward.
    """


@_register
class WeightNormalization(keras.layers.Wrapper):
    """A kernel of length `g` and direction `v`, for each output channel."""

    def __init__(self, layer, data_init=True, **kwargs):
        super().__init__(layer, **kwargs)
        self.data_init = data_init

    def build(self, input_shape):
        if not self.layer.built:
            self.layer.build(input_shape)
        kernel = getattr(self.layer, "kernel", None)
        if not isinstance(kernel, keras.Variable):
            raise ValueError(
                "`layer` must have a variable called `kernel`, as Dense and "
                "Conv2D have; recurrent layers are not supported. Received: "
                f"layer={self.layer.name} of class "
                f"{type(self.layer).__name__}"
            )
        self.g = self.add_weight(
            name="g", shape=(kernel.shape[-1],), initializer="ones"
        )
        self.v = kernel
        # True after the first call, which sets `g`.
        self.initialized = self.add_weight(
            name="initialized",
            shape=(),
            dtype="bool",
            initializer="zeros",
            trainable=False,
        )
        if self.data_init:
            # The layer as it was before that call; its weights are saved too.
            config = keras.layers.serialize(self.layer)
            config["config"]["trainable"] = False
            # Not built yet, although the wrapped layer is.
            config.pop("build_config", None)
            self._naked_clone_layer = keras.layers.deserialize(config)
            self._naked_clone_layer.build(input_shape)
            self._naked_clone_layer.set_weights(self.layer.get_weights())
            self._naked_clone_layer.activation = keras.activations.linear

    def call(self, inputs):
        bias = getattr(self.layer, "bias", None)
        if self.data_init:
            self._initialize_by_data(inputs, bias)
        else:
            norm = ops.norm(ops.reshape(self.v, (-1, self.v.shape[-1])), axis=0)
            self.g.assign(ops.where(self.initialized.value, self.g.value, norm))
        self.initialized.assign(ops.ones((), "bool"))
        axes = tuple(range(len(self.v.shape) - 1))
        length = ops.sum(ops.square(self.v), axis=axes, keepdims=True)
        kernel = self.v * ops.rsqrt(ops.maximum(length, 1e-12)) * self.g
        # The wrapped layer runs with that kernel in the place of its own. Its
        # other variables are handed on: the scope hides an outer one.
        values = [(v, v.value) for v in self.layer.variables if v is not self.v]
        values.append((self.v, kernel))
        with keras.StatelessScope(state_mapping=values):
            return self.layer(inputs)

    def _initialize_by_data(self, inputs, bias):
        def initial():
            outputs = self._naked_clone_layer(inputs)
            axes = tuple(range(len(outputs.shape) - 1))
            mean, variance = ops.moments(outputs, axes)
            scale = ops.rsqrt(variance + 1e-10)
            return self.g.value * scale, -mean * scale

        def present():
            offset = 0.0 * self.g.value if bias is None else bias.value
            return self.g.value, ops.cast(offset, self.g.dtype)

        length, offset = ops.cond(self.initialized.value, present, initial)
        self.g.assign(length)
        if bias is not None:
            bias.assign(offset)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "data_init": self.data_init}


def load_model(path, custom_objects=None):
    """Loads a model that Keras 2 saved as an H5 file, for prediction."""
    with h5py.File(path, "r") as file:
        config = file.attrs.get("model_config")
    if config is None:
        raise ValueError(
            "The file must hold a model that Keras 2 saved as H5. "
            f"Received: path={str(path)!r}, without a `model_config`"
        )
    model = model_from_config(config, custom_objects)
    model.load_weights(path)
    return model


def model_from_config(config, custom_objects=None):
    """Makes a model from a config that Keras 2 wrote."""
    if isinstance(config, (bytes, str)):
        config = json.loads(config)
    name = config.get("class_name") if isinstance(config, dict) else None
    classes = dict(zip(_MODELS, (keras.Model, keras.Model, keras.Sequential)))
    if name not in classes or not isinstance(config.get("config"), dict):
        raise ValueError(
            "`config` must hold the `class_name` and `config` of a functional "
            f"or sequential model. Received: class_name={name!r}"
        )
    with keras.saving.custom_object_scope(custom_objects or {}):
        return classes[name].from_config(_readable(config["config"]))


def _readable(config):
    """Returns a config of Keras 2 as Keras 3 reads it."""
    if isinstance(config, list):
        return [_readable(entry) for entry in config]
    if not isinstance(config, dict):
        return config
    entries = dict(config)
    if entries.get("class_name") in _MODELS:
        for key in ("module", "registered_name", "build_config"):
            entries.pop(key, None)
    renamed = _SETTINGS.get(entries.get("class_name"))
    if renamed and isinstance(entries.get("config"), dict):
        entries["config"] = {
            renamed.get(key, key): value
            for key, value in entries["config"].items()
            if renamed.get(key, key)
        }
    if "output_layers" in entries:
        entries.update(_with_new_calls(entries))
    return {key: _readable(value) for key, value in entries.items()}


def _with_new_calls(config):
    """Returns layers and outputs of a model, with new call numbers."""
    inner = {
        layer["name"]: layer["class_name"]
        for layer in config["layers"]
        if layer.get("class_name") in _MODELS
    }
    sequential = {n for n, kind in inner.items() if kind == "Sequential"}
    layers = [
        {**layer, "inbound_nodes": _moved(layer["inbound_nodes"], inner)}
        if "inbound_nodes" in layer
        else layer
        for layer in config["layers"]
    ]
    return {
        "layers": layers,
        "output_layers": _moved(config["output_layers"], sequential),
    }


def _moved(calls, names):
    """Returns calls `[name, number, ...]`, one less for those of some names."""
    if isinstance(calls, dict):
        return {key: _moved(value, names) for key, value in calls.items()}
    if not isinstance(calls, list):
        return calls
    if len(calls) > 2 and isinstance(calls[0], str) and calls[0] in names:
        return [calls[0], calls[1] - 1, *_moved(calls[2:], names)]
    return [_moved(entry, names) for entry in calls]
