"""Discriminators that several families share."""

from keras_comic.models.discriminators.patch_discriminator import (
    PatchDiscriminator,
)
from keras_comic.models.discriminators.temporal_discriminator import (
    TemporalDiscriminator,
)

__all__ = ["PatchDiscriminator", "TemporalDiscriminator"]
