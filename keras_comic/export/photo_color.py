"""The photo's colours under the comic's lightness, inside a graph."""

import numpy as np
import tensorflow as tf

COLOR_ROUNDS = 8
COLOR_TOLERANCE = 0.5
LIGHTNESS_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)

# Linear sRGB to CIE XYZ, the white of D65, and the ends of the straight parts
# of both curves: those of scikit-image, which `stylize` uses.
XYZ_FROM_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
RGB_FROM_XYZ = np.linalg.inv(XYZ_FROM_RGB)
WHITE = np.array([0.95047, 1.0, 1.08883])
CUBE_FROM, CUBE_SLOPE, CUBE_OFFSET = 0.008856, 7.787, 16.0 / 116.0
ROOT_FROM = 0.2068966


@tf.autograph.experimental.do_not_convert
def keep_photo_color(comic, photo):
    """`keras_comic.models.pictures.keep_photo_color`, of one picture."""
    lightness = _rgb_to_lab(tf.cast(comic / 255.0, tf.float64))[..., :1]
    photo_lab = _rgb_to_lab(tf.cast(photo, tf.float64) / 255.0)
    chroma = photo_lab[..., 1:]
    wanted = tf.reduce_mean(chroma, axis=(0, 1))
    shares = tf.constant(LIGHTNESS_SHARES, tf.float64)

    def goes_on(index, rgb, missing):
        return (index < len(LIGHTNESS_SHARES)) & (
            missing > 2.0 * COLOR_TOLERANCE
        )

    def mix(index, rgb, missing):
        own = photo_lab[..., :1]
        mixed = lightness + shares[index] * (own - lightness)
        return (index + 1, *_with_chroma(mixed, chroma, wanted))

    start = (tf.constant(0), photo_lab, tf.constant(np.inf, tf.float64))
    _, rgb, _ = tf.while_loop(goes_on, mix, start)
    return tf.cast(rgb * 255.0, tf.float32)


def _with_chroma(lightness, chroma, wanted):
    def goes_on(index, rgb, shift, missing):
        return (index < COLOR_ROUNDS) & (
            tf.reduce_max(tf.abs(missing)) >= COLOR_TOLERANCE
        )

    def correct(index, rgb, shift, missing):
        lab = tf.concat([lightness, chroma + shift], axis=-1)
        rgb = _lab_to_rgb(lab)
        missing = wanted - tf.reduce_mean(
            _rgb_to_lab(rgb)[..., 1:], axis=(0, 1)
        )
        small = tf.reduce_max(tf.abs(missing)) < COLOR_TOLERANCE
        return index + 1, rgb, tf.where(small, shift, shift + missing), missing

    start = (
        tf.constant(0),
        tf.concat([lightness, chroma], axis=-1),
        tf.zeros(2, tf.float64),
        tf.fill([2], tf.constant(np.inf, tf.float64)),
    )
    _, rgb, _, missing = tf.while_loop(goes_on, correct, start)
    return rgb, tf.reduce_max(tf.abs(missing))


def _rgb_to_lab(rgb):
    high = ((tf.maximum(rgb, 0.04) + 0.055) / 1.055) ** 2.4
    linear = tf.where(rgb > 0.04045, high, rgb / 12.92)
    xyz = tf.linalg.matvec(tf.constant(XYZ_FROM_RGB), linear) / WHITE
    root = tf.maximum(xyz, CUBE_FROM) ** (1.0 / 3.0)
    line = CUBE_SLOPE * xyz + CUBE_OFFSET
    x, y, z = tf.unstack(tf.where(xyz > CUBE_FROM, root, line), 3, axis=-1)
    return tf.stack(
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1
    )


def _lab_to_rgb(lab):
    lightness, a, b = tf.unstack(lab, 3, axis=-1)
    y = (lightness + 16.0) / 116.0
    z = tf.maximum(y - b / 200.0, 0.0)
    roots = tf.stack([a / 500.0 + y, y, z], axis=-1)
    line = (roots - CUBE_OFFSET) / CUBE_SLOPE
    xyz = tf.where(roots > ROOT_FROM, roots**3, line) * WHITE
    linear = tf.linalg.matvec(tf.constant(RGB_FROM_XYZ), xyz)
    root = tf.maximum(linear, 0.003) ** (1.0 / 2.4)
    rgb = tf.where(linear > 0.0031308, 1.055 * root - 0.055, 12.92 * linear)
    return tf.clip_by_value(rgb, 0.0, 1.0)
