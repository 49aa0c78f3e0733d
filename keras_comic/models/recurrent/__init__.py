"""Generators that remember, for video, and their training on clips."""

from keras_comic.models.recurrent.clip_discriminator import ClipDiscriminator
from keras_comic.models.recurrent.recurrent_generator import RecurrentGenerator
from keras_comic.models.recurrent.recurrent_style_transfer_gan import (
    RecurrentStyleTransferGAN,
)

__all__ = [
    "ClipDiscriminator",
    "RecurrentGenerator",
    "RecurrentStyleTransferGAN",
]
