"""Building blocks of generators and discriminators."""

from keras_comic.layers.adain import AdaIN
from keras_comic.layers.adaptive_augmentation import AdaptiveAugmentation
from keras_comic.layers.color_spaces import lab_to_rgb
from keras_comic.layers.color_spaces import rgb_to_lab
from keras_comic.layers.conditional_instance_normalization import (
    ConditionalInstanceNormalization,
)
from keras_comic.layers.conv_block import ConvBlock
from keras_comic.layers.conv_gru import ConvGRUCell
from keras_comic.layers.flow import compose_flow
from keras_comic.layers.flow import flow_stays_inside
from keras_comic.layers.image_converter import to_float
from keras_comic.layers.image_converter import to_pixels
from keras_comic.layers.image_converter import to_uint8
from keras_comic.layers.instance_noise import InstanceNoise
from keras_comic.layers.instance_normalization import InstanceNormalization
from keras_comic.layers.layer_norm import LayerNorm
from keras_comic.layers.moments import channel_moments
from keras_comic.layers.network_policy import network_policy
from keras_comic.layers.padding import crop_to_box
from keras_comic.layers.padding import pad_to_multiple
from keras_comic.layers.position_normalization import PositionNormalization
from keras_comic.layers.random_motion import RandomMotion
from keras_comic.layers.reflection_conv2d import ReflectionConv2D
from keras_comic.layers.residual_block import ResidualBlock
from keras_comic.layers.shared_statistics import collect_statistics
from keras_comic.layers.shared_statistics import next_moments
from keras_comic.layers.shared_statistics import pool_statistics
from keras_comic.layers.shared_statistics import position_moments
from keras_comic.layers.shared_statistics import use_statistics
from keras_comic.layers.spectral_normalization import SpectralNormalization
from keras_comic.layers.structural_similarity import structural_similarity
from keras_comic.layers.warp import dense_image_warp
from keras_comic.layers.warp import warp_images

__all__ = [
    "AdaIN",
    "AdaptiveAugmentation",
    "ConditionalInstanceNormalization",
    "ConvBlock",
    "ConvGRUCell",
    "InstanceNoise",
    "InstanceNormalization",
    "LayerNorm",
    "PositionNormalization",
    "RandomMotion",
    "ReflectionConv2D",
    "ResidualBlock",
    "SpectralNormalization",
    "channel_moments",
    "collect_statistics",
    "compose_flow",
    "crop_to_box",
    "dense_image_warp",
    "flow_stays_inside",
    "lab_to_rgb",
    "network_policy",
    "next_moments",
    "pad_to_multiple",
    "pool_statistics",
    "position_moments",
    "rgb_to_lab",
    "structural_similarity",
    "to_float",
    "to_pixels",
    "to_uint8",
    "use_statistics",
    "warp_images",
]
