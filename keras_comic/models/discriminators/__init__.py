"""Discriminators that several families share."""

from keras_comic.models.discriminators.patch_discriminator import (
    PatchDiscriminator,
)

__all__ = ["PatchDiscriminator"]
