"""Models saved with tensorflow-addons, loaded without it.

tensorflow-addons ended in 2024 and cannot be imported beside Keras 3. Once
this module is imported, `keras.saving.load_model` knows its names, such as
`Addons>InstanceNormalization`, so that Keras 2 models in H5 files that hold
its image layers load, with their weights.

Keras 3 does not read every model of Keras 2, with or without these layers:
`load_model` and `model_from_config` of this module also read models whose
blocks are models themselves, files older than Keras 2.13 or compiled with an
optimizer of tensorflow-addons, and the JSON of `model.to_json()` and of a
SavedModel's metadata.

The layers are

- normalisation: `InstanceNormalization`, `GroupNormalization`,
  `FilterResponseNormalization`, `SpectralNormalization`,
  `WeightNormalization`;
- pooling: `AdaptiveAveragePooling2D`, `AdaptiveMaxPooling2D`,
  `SpatialPyramidPooling2D`, `Maxout`;
- activations: `GELU`, `Snake` and `TLU`, and the functions `gelu`,
  `hardshrink`, `lisht`, `mish`, `rrelu`, `snake`, `softshrink` and
  `tanhshrink`;
- `StochasticDepth`.

They compute what tensorflow-addons 0.23.0 computed. For a network of
your own take `keras_comic.layers` or `keras.layers` instead. Everything else
of tensorflow-addons, its optimizers among it, is refused with an error that
says what to do: `load_model(path, compile=False)` needs no optimizer.
"""

import json

import h5py
import keras
from keras import ops

_FOR_TRAINING = (
    "It is needed only to go on training: load the model with "
    "`compile=False`, and compile it with what Keras has."
)
_NOT_FOR_IMAGES = (
    "keras_comic loads the layers of tensorflow-addons that image networks "
    "use. Give a layer of your own that does the same, loading in the scope "
    "`keras.saving.custom_object_scope({{{name!r}: YourLayer}})`."
)
# What is not supported, by what the error says.
_UNSUPPORTED = {
    _FOR_TRAINING: (
        # Optimizers and schedules.
        "AdaBelief AdamW COCOB ConditionalGradient CyclicalLearningRate "
        "ExponentialCyclicalLearningRate LAMB LazyAdam Lookahead "
        "MovingAverage MultiOptimizer NovoGrad ProximalAdagrad RectifiedAdam "
        "SGDW SWA Triangular2CyclicalLearningRate "
        "TriangularCyclicalLearningRate Yogi "
        # Losses.
        "ContrastiveLoss GIoULoss LiftedStructLoss NpairsLoss "
        "NpairsMultilabelLoss PinballLoss SigmoidFocalCrossEntropy "
        "SparsemaxLoss TripletHardLoss TripletSemiHardLoss WeightedKappaLoss "
        # Metrics.
        "CohenKappa F1Score FBetaScore GeometricMean HarmonicMean "
        "KendallsTauB KendallsTauC MatthewsCorrelationCoefficient "
        "PearsonsCorrelation RSquare SpearmansRank"
    ),
    _NOT_FOR_IMAGES: (
        "AdaptiveAveragePooling1D AdaptiveAveragePooling3D "
        "AdaptiveMaxPooling1D AdaptiveMaxPooling3D CRF CRFModelWrapper "
        "CorrelationCost ESN ESNCell EmbeddingBag LayerNormLSTMCell "
        "LayerNormSimpleRNNCell MaxUnpooling2D MaxUnpooling2DV2 "
        "MultiHeadAttention NASCell NetVLAD NoisyDense PeepholeLSTMCell "
        "PoincareNormalize PolynomialCrossing Sparsemax sparsemax"
    ),
}

# Classes of Keras 2 whose modules are gone, but which a model still reads in
# the old format, without a module.
_MODELS = ("Functional", "Model", "Sequential")

# Settings by which Keras 3 no longer knows its own layers: their new names, or
# none where the value had no effect.
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
# How Keras 2.13 and later name a function; before, it was the name alone.
_FUNCTION = {
    "module": "builtins",
    "class_name": "function",
    "registered_name": "function",
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
class FilterResponseNormalization(keras.layers.Layer):
    """Divides each channel of each image by its root mean square."""

    def __init__(
        self,
        epsilon=1e-6,
        axis=(1, 2),
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        learned_epsilon=False,
        learned_epsilon_constraint=None,
        **kwargs,
    ):
        if list(axis) != [1, 2]:
            raise ValueError(
                "`axis` must be [1, 2], height and width. "
                f"Received: axis={axis}"
            )
        super().__init__(**kwargs)
        self.supports_masking = True
        self.epsilon = epsilon
        self.axis = [1, 2]
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_constraint = keras.constraints.get(beta_constraint)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.learned_epsilon = learned_epsilon
        self.learned_epsilon_constraint = keras.constraints.get(
            learned_epsilon_constraint
        )

    def build(self, input_shape):
        # In the order of the saved weights.
        if self.learned_epsilon:
            self.epsilon_weight = self.add_weight(
                name="learned_epsilon",
                shape=(1,),
                initializer=keras.initializers.Constant(1e-4),
                constraint=self.learned_epsilon_constraint,
            )
        self.gamma = self.add_weight(
            name="gamma",
            shape=(1, 1, 1, input_shape[-1]),
            initializer=self.gamma_initializer,
            regularizer=self.gamma_regularizer,
            constraint=self.gamma_constraint,
        )
        self.beta = self.add_weight(
            name="beta",
            shape=(1, 1, 1, input_shape[-1]),
            initializer=self.beta_initializer,
            regularizer=self.beta_regularizer,
            constraint=self.beta_constraint,
        )

    def call(self, inputs):
        values = ops.cast(inputs, "float32")
        epsilon = abs(self.epsilon)
        if self.learned_epsilon:
            epsilon += ops.abs(ops.cast(self.epsilon_weight, "float32"))
        power = ops.mean(ops.square(values), axis=self.axis, keepdims=True)
        outputs = ops.cast(self.gamma, "float32") * (
            values * ops.rsqrt(power + epsilon)
        ) + ops.cast(self.beta, "float32")
        return ops.cast(outputs, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "learned_epsilon": self.learned_epsilon,
            **_serialized(
                self,
                initializers=("beta_initializer", "gamma_initializer"),
                regularizers=("beta_regularizer", "gamma_regularizer"),
                constraints=(
                    "beta_constraint",
                    "gamma_constraint",
                    "learned_epsilon_constraint",
                ),
            ),
        }


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
        # Whether the first call, which sets `g`, has been made.
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


class _AdaptivePooling2D(keras.layers.Layer):
    """Pools the equal parts that height and width are split into."""

    def __init__(self, output_size, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.output_size = _pair("output_size", output_size)
        self.data_format = _data_format(data_format)

    def call(self, inputs):
        first = 1 if self.data_format == "channels_last" else 2
        for i, parts in enumerate(self.output_size):
            size = inputs.shape[first + i]
            if size is not None and size % parts:
                raise ValueError(
                    "Height and width must be multiples of `output_size`. "
                    f"Received: inputs.shape={tuple(inputs.shape)}, "
                    f"output_size={self.output_size}"
                )
        return _pool(
            self._reduction, inputs, self.output_size, self.data_format
        )

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        first = 1 if self.data_format == "channels_last" else 2
        shape[first : first + 2] = self.output_size
        return tuple(shape)

    def get_config(self):
        return {
            **super().get_config(),
            "output_size": self.output_size,
            "data_format": self.data_format,
        }


@_register
class AdaptiveAveragePooling2D(_AdaptivePooling2D):
    """The means of equal parts of an image, as many as asked for."""

    _reduction = staticmethod(ops.mean)


@_register
class AdaptiveMaxPooling2D(_AdaptivePooling2D):
    """The maxima of equal parts of an image, as many as asked for."""

    _reduction = staticmethod(ops.max)


@_register
class SpatialPyramidPooling2D(keras.layers.Layer):
    """The means of several grids of parts, one after the other."""

    def __init__(self, bins, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.bins = [_pair("bins", entry) for entry in bins]
        self.data_format = _data_format(data_format)

    def call(self, inputs):
        last = self.data_format == "channels_last"
        height, width = (
            ops.shape(inputs)[1:3] if last else (ops.shape(inputs)[2:4])
        )
        outputs = []
        for rows, columns in self.bins:
            # What is left over at the bottom and on the right is cut off.
            bottom, right = height - height % rows, width - width % columns
            if last:
                cropped = inputs[:, :bottom, :right]
                shape = (-1, rows * columns, inputs.shape[-1])
            else:
                cropped = inputs[:, :, :bottom, :right]
                shape = (-1, inputs.shape[1], rows * columns)
            pooled = _pool(ops.mean, cropped, (rows, columns), self.data_format)
            outputs.append(ops.reshape(pooled, shape))
        return ops.concatenate(outputs, axis=1 if last else 2)

    def compute_output_shape(self, input_shape):
        parts = sum(rows * columns for rows, columns in self.bins)
        if self.data_format == "channels_last":
            return input_shape[0], parts, input_shape[-1]
        return input_shape[0], input_shape[1], parts

    def get_config(self):
        return {
            **super().get_config(),
            "bins": self.bins,
            "data_format": self.data_format,
        }


@_register
class Maxout(keras.layers.Layer):
    """The largest of each group of channels; channels of a group lie apart."""

    def __init__(self, num_units, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.num_units = num_units
        self.axis = axis

    def build(self, input_shape):
        size = input_shape[self.axis]
        if size is None or size % self.num_units:
            raise ValueError(
                "The axis must have a known size, a multiple of `num_units`. "
                f"Received: input_shape={tuple(input_shape)}, "
                f"axis={self.axis}, num_units={self.num_units}"
            )

    def call(self, inputs):
        shape = list(ops.shape(inputs))
        axis = self.axis % len(shape)
        size = inputs.shape[axis]
        shape[axis : axis + 1] = [size // self.num_units, self.num_units]
        return ops.max(ops.reshape(inputs, shape), axis=axis)

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        shape[self.axis] = self.num_units
        return tuple(shape)

    def get_config(self):
        return {
            **super().get_config(),
            "num_units": self.num_units,
            "axis": self.axis,
        }


@_register
class StochasticDepth(keras.layers.Layer):
    """`shortcut + residual`; training drops the residual now and then."""

    def __init__(self, survival_probability=0.5, **kwargs):
        super().__init__(**kwargs)
        self.survival_probability = survival_probability
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs, training=False):
        if not isinstance(inputs, (list, tuple)) or len(inputs) != 2:
            raise ValueError(
                "`inputs` must be a list of the shortcut and the residual. "
                f"Received: {type(inputs).__name__}"
            )
        shortcut, residual = inputs
        factor = self.survival_probability
        if training:
            factor = keras.random.binomial(
                (),
                1,
                factor,
                dtype=self.compute_dtype,
                seed=self.seed_generator,
            )
        return shortcut + factor * residual

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {
            **super().get_config(),
            "survival_probability": self.survival_probability,
        }


@_register
class TLU(keras.layers.Layer):
    """`max(x, tau)`, or `max(x, alpha x + tau)`, with learned thresholds."""

    def __init__(
        self,
        affine=False,
        tau_initializer="zeros",
        tau_regularizer=None,
        tau_constraint=None,
        alpha_initializer="zeros",
        alpha_regularizer=None,
        alpha_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.affine = affine
        self.tau_initializer = keras.initializers.get(tau_initializer)
        self.tau_regularizer = keras.regularizers.get(tau_regularizer)
        self.tau_constraint = keras.constraints.get(tau_constraint)
        self.alpha_initializer = keras.initializers.get(alpha_initializer)
        self.alpha_regularizer = keras.regularizers.get(alpha_regularizer)
        self.alpha_constraint = keras.constraints.get(alpha_constraint)

    def build(self, input_shape):
        self.tau = self.add_weight(
            name="tau",
            shape=input_shape[1:],
            initializer=self.tau_initializer,
            regularizer=self.tau_regularizer,
            constraint=self.tau_constraint,
        )
        if self.affine:
            self.alpha = self.add_weight(
                name="alpha",
                shape=input_shape[1:],
                initializer=self.alpha_initializer,
                regularizer=self.alpha_regularizer,
                constraint=self.alpha_constraint,
            )

    def call(self, inputs):
        if self.affine:
            return ops.maximum(inputs, self.alpha * inputs + self.tau)
        return ops.maximum(inputs, self.tau)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "affine": self.affine,
            **_serialized(
                self,
                initializers=("tau_initializer", "alpha_initializer"),
                regularizers=("tau_regularizer", "alpha_regularizer"),
                constraints=("tau_constraint", "alpha_constraint"),
            ),
        }


@_register
class GELU(keras.layers.Layer):
    """The Gaussian error linear unit, approximated unless told otherwise."""

    def __init__(self, approximate=True, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.approximate = approximate

    def call(self, inputs):
        return gelu(inputs, self.approximate)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "approximate": self.approximate}


@_register
class Snake(keras.layers.Layer):
    """`x + sin(a x)^2 / a`, with one learned frequency `a`."""

    def __init__(self, frequency_initializer="ones", **kwargs):
        super().__init__(**kwargs)
        self.frequency_initializer = keras.initializers.get(
            frequency_initializer
        )

    def build(self, input_shape):
        self.frequency = self.add_weight(
            name="frequency",
            shape=(),
            initializer=self.frequency_initializer,
        )

    def call(self, inputs):
        return snake(inputs, self.frequency)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            **_serialized(self, initializers=("frequency_initializer",)),
        }


@_register
def gelu(x, approximate=True):
    """`x Phi(x)`. Unlike Keras's, approximated unless told otherwise."""
    return keras.activations.gelu(x, approximate=approximate)


@_register
def hardshrink(x, lower=-0.5, upper=0.5):
    """`x`, and 0 between the two bounds."""
    x = ops.convert_to_tensor(x)
    return ops.where((x < lower) | (x > upper), x, ops.zeros_like(x))


@_register
def lisht(x):
    """`x tanh(x)`."""
    return x * ops.tanh(x)


@_register
def mish(x):
    """`x tanh(softplus(x))`."""
    return keras.activations.mish(x)


@_register
def rrelu(x, lower=0.125, upper=1 / 3):
    """A leaky ReLU of the mean slope: what it was outside of training."""
    return ops.leaky_relu(x, negative_slope=(lower + upper) / 2.0)


@_register
def snake(x, frequency=1.0):
    """`x + sin(frequency x)^2 / frequency`."""
    return x + (1.0 - ops.cos(2.0 * frequency * x)) / (2.0 * frequency)


@_register
def softshrink(x, lower=-0.5, upper=0.5):
    """`x` moved to 0 by the nearer bound, and 0 between the two."""
    x = ops.convert_to_tensor(x)
    zeros = ops.zeros_like(x)
    return ops.where(x < lower, x - lower, zeros) + ops.where(
        x > upper, x - upper, zeros
    )


@_register
def tanhshrink(x):
    """`x - tanh(x)`."""
    return x - ops.tanh(x)


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
    """A config of Keras 2 as Keras 3 reads it."""
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
    return {
        key: {**_FUNCTION, "config": value}
        if key.endswith("activation") and str(value).startswith("Addons>")
        else _readable(value)
        for key, value in entries.items()
    }


def _with_new_calls(config):
    """Layers and outputs of a functional model, its calls counted anew."""
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
    """Entries `[name, call, tensor, ...]`, one call less for some names."""
    if isinstance(calls, dict):
        return {key: _moved(value, names) for key, value in calls.items()}
    if not isinstance(calls, list):
        return calls
    if len(calls) > 2 and isinstance(calls[0], str) and calls[0] in names:
        return [calls[0], calls[1] - 1, *_moved(calls[2:], names)]
    return [_moved(entry, names) for entry in calls]


def _serialized(layer, **attributes):
    """Entries of a config: kind, a module of Keras, to attribute names."""
    return {
        name: getattr(keras, kind).serialize(getattr(layer, name))
        for kind, names in attributes.items()
        for name in names
    }


def _pool(reduction, inputs, output_size, data_format):
    """Reduces the equal parts that height and width are split into."""
    rows, columns = output_size
    first = 1 if data_format == "channels_last" else 2
    shape = list(ops.shape(inputs))
    height, width = shape[first : first + 2]
    shape[first : first + 2] = [rows, height // rows, columns, width // columns]
    parts = ops.reshape(inputs, shape)
    return reduction(parts, axis=(first + 1, first + 3))


def _pair(name, value):
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(
        isinstance(size, int) and size > 0 for size in pair
    ):
        raise ValueError(
            f"`{name}` must be positive integers or pairs of them. "
            f"Received: {value!r}"
        )
    return pair


def _data_format(value):
    value = value or keras.config.image_data_format()
    if value not in ("channels_last", "channels_first"):
        raise ValueError(
            "`data_format` must be 'channels_last' or 'channels_first'. "
            f"Received: data_format={value!r}"
        )
    return value


def _refusal(name, reason):
    """A class that says, when it is revived, that it is not supported."""

    def from_config(cls, config, custom_objects=None):
        raise ValueError(
            f"The model was saved with {name!r} of tensorflow-addons, which "
            "is not supported. " + reason.format(name=f"Addons>{name}")
        )

    def get_config(self):
        return {}

    return type(
        name,
        (),
        {
            "__doc__": f"Refuses `Addons>{name}`.",
            "from_config": classmethod(from_config),
            "get_config": get_config,
        },
    )


for _reason, _names in _UNSUPPORTED.items():
    for _name in _names.split():
        _register(_refusal(_name, _reason))
