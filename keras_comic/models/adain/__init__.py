"""Style transfer by adaptive instance normalisation."""

from keras_comic.models.adain.adain_generator import AdaINGenerator
from keras_comic.models.adain.adain_recipe import AdaINRecipe
from keras_comic.models.adain.adain_weights import load_adain_weights
from keras_comic.models.adain.light_content_encoder import LightContentEncoder
from keras_comic.models.adain.light_decoder import LightDecoder
from keras_comic.models.adain.light_style_encoder import LightStyleEncoder
from keras_comic.models.adain.style_transfer_gan import StyleTransferGAN
from keras_comic.models.adain.vgg_decoder import VGGDecoder
from keras_comic.models.adain.vgg_encoder import VGGEncoder

__all__ = [
    "AdaINGenerator",
    "AdaINRecipe",
    "LightContentEncoder",
    "LightDecoder",
    "LightStyleEncoder",
    "StyleTransferGAN",
    "VGGDecoder",
    "VGGEncoder",
    "load_adain_weights",
]
