"""Building blocks of generators and discriminators."""

from keras_comic.layers.adain import AdaIN
from keras_comic.layers.conditional_instance_normalization import (
    ConditionalInstanceNormalization,
)
from keras_comic.layers.conv_block import ConvBlock
from keras_comic.layers.moments import channel_moments
from keras_comic.layers.padding import crop_to_box
from keras_comic.layers.padding import pad_to_multiple
from keras_comic.layers.reflection_conv2d import ReflectionConv2D
from keras_comic.layers.residual_block import ResidualBlock
