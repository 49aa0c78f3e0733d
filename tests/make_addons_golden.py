"""Writes `addons_golden.npz`, outputs of tensorflow-addons 0.23.0.

tensorflow-addons cannot be imported beside Keras 3, so its numbers are
computed once, in an environment of their own with Python 3.11:

    pip install tensorflow==2.15.1 tensorflow-addons==0.23.0 'numpy<2'
    python tests/make_addons_golden.py
"""

import importlib.metadata
import json
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_addons as tfa  # noqa: E402

FILE = pathlib.Path(__file__).with_name("addons_golden.npz")
keras = tf.keras
random = np.random.default_rng(4)


def noise(*shape):
    return random.normal(size=shape).astype("float32")


def disturb(model):
    """Gives every float weight a value that is not its initial one."""
    weights = [
        w + 0.3 * noise(*w.shape) if w.dtype == "float32" else w
        for w in model.get_weights()
    ]
    model.set_weights(weights)


def normalizations():
    images = 2.0 * noise(2, 5, 6, 4) + 1.0
    golden = {"normalization/images": images}
    layers = {
        "instance": tfa.layers.InstanceNormalization(),
        "instance_epsilon": tfa.layers.InstanceNormalization(epsilon=1e-5),
        "instance_first": tfa.layers.InstanceNormalization(axis=1),
        "group": tfa.layers.GroupNormalization(groups=2),
        "group_first": tfa.layers.GroupNormalization(groups=5, axis=1),
        "group_one": tfa.layers.GroupNormalization(groups=1, center=False),
    }
    for name, layer in layers.items():
        layer.build(images.shape)
        disturb(layer)
        golden[f"normalization/{name}/outputs"] = layer(images)
        for i, weight in enumerate(layer.get_weights()):
            golden[f"normalization/{name}/{i}"] = weight
    return golden


def spectral_normalization():
    """Eight training calls, and the vector and kernel after each."""
    images = noise(2, 6, 6, 3)
    convolution = keras.layers.Conv2D(5, 3, bias_initializer="normal")
    layer = tfa.layers.SpectralNormalization(convolution)
    layer.build(images.shape)
    golden = {
        "spectral/images": images,
        "spectral/kernel": convolution.kernel,
        "spectral/bias": convolution.bias,
        "spectral/vector": layer.u,
    }
    golden = {name: np.array(value) for name, value in golden.items()}
    kernels, vectors, outputs = [], [], []
    for _ in range(8):
        outputs.append(layer(images, training=True).numpy())
        kernels.append(convolution.kernel.numpy())
        vectors.append(layer.u.numpy())
    golden["spectral/kernels"] = np.stack(kernels)
    golden["spectral/vectors"] = np.stack(vectors)
    golden["spectral/outputs"] = np.stack(outputs)
    return golden


def warp():
    images = noise(2, 7, 9, 3)
    # Some flows point far outside.
    flow = 4.0 * noise(2, 7, 9, 2)
    flow[0, :2] = np.round(flow[0, :2])
    inputs = [tf.constant(images), tf.constant(flow)]
    weights = noise(2, 7, 9, 3)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = tfa.image.dense_image_warp(*inputs)
        total = tf.reduce_sum(outputs * weights)
    by_images, by_flow = tape.gradient(total, inputs)
    return {
        "warp/images": images,
        "warp/flow": flow,
        "warp/outputs": outputs,
        "warp/weights": weights,
        "warp/by_images": by_images,
        "warp/by_flow": by_flow,
    }


def frozen_network():
    """A GAN as it is often saved: the discriminator in it is frozen."""
    layers = keras.layers
    images = keras.Input((16, 16, 3))
    x = tfa.layers.SpectralNormalization(layers.Conv2D(4, 3, 2))(images)
    x = layers.BatchNormalization()(x)
    x = tfa.layers.WeightNormalization(layers.Conv2D(4, 3))(x)
    x = tfa.layers.InstanceNormalization(axis=3)(x)
    discriminator = keras.Model(images, x)
    # Weight normalisation starts with the first call.
    discriminator(noise(2, 16, 16, 3))
    discriminator.trainable = False
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(3, 3, padding="same")(inputs)
    x = tfa.layers.InstanceNormalization()(x)
    return keras.Model(inputs, discriminator(x))


def block_network():
    """A generator of blocks that are models, as many tutorials have it."""
    layers = keras.layers

    def down(filters):
        return keras.Sequential(
            [
                layers.Conv2D(filters, 3, 2, "same", use_bias=False),
                tfa.layers.InstanceNormalization(),
                layers.LeakyReLU(0.1),
            ]
        )

    def up(filters):
        return keras.Sequential(
            [
                layers.Conv2DTranspose(filters, 3, 2, "same"),
                layers.BatchNormalization(),
                layers.Dropout(0.3),
                layers.ReLU(),
            ]
        )

    images = keras.Input((None, None, 4))
    x = layers.DepthwiseConv2D(3, padding="same")(images)
    x = layers.SeparableConv2D(4, 3, padding="same")(x)
    shared = keras.Model(images, tfa.layers.GroupNormalization(2)(x))
    inputs = keras.Input((16, 16, 3))
    first = down(4)(inputs)
    second = down(4)(first)
    # Twice the same, and its call is not the first of the block.
    shared(keras.Input((8, 8, 4)))
    x = shared(shared(second))
    x = layers.Concatenate()([up(4)(x), first])
    x = layers.Conv2D(3, 3, padding="same", activation="tanh")(x)
    return keras.Model(inputs, x)


def saved(model, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"model{suffix}")
        model.save(path)
        with open(path, "rb") as file:
            return np.frombuffer(file.read(), "uint8")


def models():
    golden = {}
    for name, model in {
        "block": block_network(),
        "frozen": frozen_network(),
    }.items():
        images = noise(2, 16, 16, 3)
        model(images)
        disturb(model)
        for _ in range(3):
            model(images, training=True)
        golden[f"model/{name}/images"] = images
        golden[f"model/{name}/outputs"] = model(images)
        golden[f"model/{name}/h5"] = saved(model, ".h5")
        golden[f"model/{name}/json"] = np.array(model.to_json())
    return golden


def main():
    golden = {
        **normalizations(),
        **spectral_normalization(),
        **warp(),
        **models(),
    }
    golden["versions"] = np.array(
        json.dumps(
            {
                "tensorflow": tf.__version__,
                "keras": importlib.metadata.version("keras"),
                "tensorflow_addons": tfa.__version__,
            }
        )
    )
    np.savez_compressed(FILE, **golden)


if __name__ == "__main__":
    main()
