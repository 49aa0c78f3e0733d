"""Encoder, recurrent bottleneck, decoder: a generator with a memory."""

import keras
from keras import ops

from keras_comic.layers import ReflectionConv2D
from keras_comic.layers import crop_to_box
from keras_comic.layers import pad_to_multiple
from keras_comic.layers.conv_gru import ConvGRUCell
from keras_comic.layers.flow import shrink_flow
from keras_comic.models.generator import Generator


@keras.saving.register_keras_serializable(package="keras_comic")
class RecurrentGenerator(Generator):
    """Draws each frame of a video with what it remembers of those before.

    An encoder-decoder with AdaIN whose deepest features go through a
    convolutional GRU. Its state is moved along the optical flow to where
    things are now, so that the decoder knows what it drew there. A picture
    alone is a video of one frame: without a state it starts from zeros.

        features = content_encoder(photo)
        state = memory(features[-1], state warped along the flow)
        comic = decoder([..., features[-1] + projection(state)], style)

    `RecurrentGenerator.from_generator` makes one of a generator that has
    these parts, such as `AdaINGenerator.light()` or a preset of it, and
    draws at first nearly as that one does.

    Args:
        content_encoder: Layer: images to a list of feature maps; its `stride`
            is what the sides are padded to, and the last map's distance of
            positions, pixels. `LightContentEncoder`, say.
        decoder: Layer: `(features, style)` to images. `LightDecoder`, say.
        style_encoder: Layer: images to style vectors. `LightStyleEncoder`,
            say.
        filters: Integer > 0. Channels of the state. Defaults to `32`.
        kernel_size: Odd integer > 0, of the GRU. Defaults to `3`.
        styles: Dict of named styles, see `Generator`. Defaults to `None`.
        **kwargs: Keyword arguments of `keras.Model`.

    Call arguments:
        inputs: Dict of `photos`, float32 `(batch, height, width, 3)`, RGB in
            `[-1, 1]`, sides of at least 32 pixels; `style`, float32, style
            vectors `(batch, style_dim)` or style images `(batch,
            style_height, style_width, 3)` in `[-1, 1]`; and, for frames of a
            video, `state`, from the call before or from `initial_state`, and
            `flow`, float32 `(batch, height, width, 2)`, pixels, `x` (to the
            right), then `y` (down), from this frame to the one before.
            Without `flow` the state stays where it is.
        training: Boolean, as in Keras; it changes nothing here. Defaults to
            `False`.

    Returns:
        Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`. With a `state`
        in the inputs, a dict of it as `comics`, and of the new `state`,
        float32 `(batch, state_height, state_width, filters)` in `[-1, 1]`.

    Raises:
        ValueError: If `filters` is not positive or `kernel_size` not odd, or
            there is a `flow` without a `state`.

    Example:

    >>> generator = keras_comic.models.RecurrentGenerator.from_generator(
    ...     keras_comic.AdaINGenerator.light((4, 8, 4, 4), 1, 8), filters=4
    ... )
    >>> frame = np.random.uniform(-1, 1, (1, 33, 47, 3)).astype("float32")
    >>> inputs = {"photos": frame, "style": np.zeros((1, 8), "float32")}
    >>> tuple(generator(inputs).shape)
    (1, 33, 47, 3)
    >>> state = generator.initial_state(frame)
    >>> outputs = generator({**inputs, "state": state})
    >>> {name: tuple(value.shape) for name, value in outputs.items()}
    {'comics': (1, 33, 47, 3), 'state': (1, 9, 12, 4)}

    Reference:
        - [Lai et al., 2018](https://arxiv.org/abs/1808.00449), for a
          recurrent network at the bottleneck, and [Ballas et al., 2016](
          https://arxiv.org/abs/1511.06432) for the convolutional GRU; the
          rest is that of `AdaINGenerator.light`.
    """

    def __init__(
        self,
        content_encoder,
        decoder,
        style_encoder,
        filters=32,
        kernel_size=3,
        styles=None,
        **kwargs,
    ):
        super().__init__(styles=styles, **kwargs)
        self.content_encoder = content_encoder
        self.decoder = decoder
        self.style_encoder = style_encoder
        self.filters = filters
        self.kernel_size = kernel_size
        images_shape = (None, None, None, 3)
        features_shape = content_encoder.compute_output_shape(images_shape)
        self.memory = ConvGRUCell(
            filters, kernel_size, dtype=self.dtype_policy, name="memory"
        )
        # Small, so that it starts as the generator that its parts are from.
        self.projection = ReflectionConv2D(
            features_shape[-1][-1],
            kernel_size=1,
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=self.dtype_policy,
            name="projection",
        )
        self.build()

    @classmethod
    def from_generator(cls, generator, filters=32, kernel_size=3):
        """Gives a memory to a generator that has none.

        Args:
            generator: `AdaINGenerator` with a style encoder, or another
                generator of the same parts; it is not changed.
            filters: Integer > 0. Channels of the state. Defaults to `32`.
            kernel_size: Odd integer > 0, of the GRU. Defaults to `3`.

        Returns:
            A `RecurrentGenerator`, built, with the weights and the named
            styles of `generator`, and a memory that is not trained.

        Raises:
            ValueError: If a part is missing.
        """
        names = ("content_encoder", "decoder", "style_encoder")
        parts = {name: getattr(generator, name, None) for name in names}
        missing = [name for name in names if parts[name] is None]
        if missing:
            raise ValueError(
                f"`generator` must have the layers {list(names)}. Received: a "
                f"`{type(generator).__name__}` without {missing}"
            )
        copies = {
            name: type(part).from_config(part.get_config())
            for name, part in parts.items()
        }
        recurrent = cls(
            **copies,
            filters=filters,
            kernel_size=kernel_size,
            styles=generator.styles,
            dtype=generator.dtype_policy,
        )
        for name, part in parts.items():
            copies[name].set_weights(part.get_weights())
        return recurrent

    @property
    def style_dim(self):
        """Length of the style vector."""
        return self.style_encoder.compute_output_shape((None, None, None, 3))[
            -1
        ]

    def build(self, input_shape=None):
        images_shape = (None, None, None, 3)
        features_shape = self.content_encoder.compute_output_shape(images_shape)
        # Layers that come from a config may be built already.
        for layer in (self.content_encoder, self.style_encoder):
            if not layer.built:
                layer.build(images_shape)
        if not self.decoder.built:
            self.decoder.build(features_shape, (None, self.style_dim))
        self.memory.build(features_shape[-1])
        self.projection.build((None, None, None, self.filters))
        self.built = True

    def encode_style(self, images):
        """Style vectors of images.

        Args:
            images: Float32 `(batch, height, width, 3)`, RGB in `[-1, 1]`;
                sides of at least 32 pixels.

        Returns:
            Float32 `(batch, style_dim)`.
        """
        return self.style_encoder(images)

    def initial_state(self, photos):
        """The state before the first frame of a scene.

        Args:
            photos: Float `(batch, height, width, 3)`, the first frame; only
                its size counts.

        Returns:
            Float32 zeros `(batch, state_height, state_width, filters)`.
        """
        batch, height, width = ops.shape(photos)[:3]
        stride = self.content_encoder.stride
        sides = [-(-side // stride) for side in (height, width)]
        return ops.zeros((batch, *sides, self.filters), dtype="float32")

    def stylize_clips(self, clips, style, flow=None, training=False):
        """Draws the frames of clips one after the other.

        Args:
            clips: Float32 `(batch, frames, height, width, 3)`, RGB in
                `[-1, 1]`; a known number of frames.
            style: As in `call`.
            flow: Float32 `(batch, frames - 1, height, width, 2)`, pixels,
                `x`, then `y`, from each frame but the first to the one before
                it, or `None` for no motion. Defaults to `None`.
            training: Boolean, as in Keras. Defaults to `False`.

        Returns:
            Float32 of the shape of `clips`, RGB in `[-1, 1]`.
        """
        if len(style.shape) == 4:
            style = self.encode_style(style)
        state, comics = self.initial_state(clips[:, 0]), []
        for index in range(clips.shape[1]):
            inputs = {"photos": clips[:, index], "style": style, "state": state}
            if flow is not None and index > 0:
                inputs["flow"] = flow[:, index - 1]
            outputs = self(inputs, training=training)
            state = outputs["state"]
            comics.append(outputs["comics"])
        return ops.stack(comics, axis=1)

    def call(self, inputs, training=False):
        photos, style = inputs["photos"], inputs["style"]
        state, flow = inputs.get("state"), inputs.get("flow")
        if flow is not None and state is None:
            raise ValueError(
                "A `flow` moves a `state`, which must be there, too. "
                f"Received: inputs with {sorted(inputs)}"
            )
        if len(style.shape) == 4:
            style = self.encode_style(style)
        stride = self.content_encoder.stride
        padded, box = pad_to_multiple(photos, stride)
        *shallow, features = self.content_encoder(padded)
        if flow is not None:
            flow, _ = pad_to_multiple(flow, stride)
            flow = shrink_flow(flow, stride)
        new_state = self.memory(features, state, flow)
        remembered = features + self.projection(new_state)
        comics = self.decoder([*shallow, remembered], style)
        comics = crop_to_box(comics, box)
        if state is None:
            return comics
        return {"comics": comics, "state": ops.cast(new_state, "float32")}

    def compute_output_shape(self, input_shape):
        comics_shape = (*input_shape["photos"][:-1], 3)
        if input_shape.get("state") is None:
            return comics_shape
        return {"comics": comics_shape, "state": input_shape["state"]}

    def get_config(self):
        return {
            **super().get_config(),
            "content_encoder": keras.saving.serialize_keras_object(
                self.content_encoder
            ),
            "decoder": keras.saving.serialize_keras_object(self.decoder),
            "style_encoder": keras.saving.serialize_keras_object(
                self.style_encoder
            ),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("content_encoder", "decoder", "style_encoder"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)
