"""Generators, discriminators, and what they share."""

from keras_comic.models.adain import AdaINGenerator
from keras_comic.models.adain import AdaINRecipe
from keras_comic.models.adain import LightContentEncoder
from keras_comic.models.adain import LightDecoder
from keras_comic.models.adain import LightStyleEncoder
from keras_comic.models.adain import StyleTransferGAN
from keras_comic.models.adain import VGGDecoder
from keras_comic.models.adain import VGGEncoder
from keras_comic.models.adain import load_adain_weights
from keras_comic.models.discriminators import PatchDiscriminator
from keras_comic.models.evaluation import evaluate_preset
from keras_comic.models.features import FeatureNetwork
from keras_comic.models.features import InceptionFeatures
from keras_comic.models.features import SqueezeNetFeatures
from keras_comic.models.features import load_evaluation_network
from keras_comic.models.generator import Generator
from keras_comic.models.image_files import stylize_files
from keras_comic.models.latent_generator import LatentGenerator
from keras_comic.models.preset_search import search_options
from keras_comic.models.preset_styles import add_style_to_preset
from keras_comic.models.preset_training import PresetTraining
from keras_comic.models.preset_training import train_preset
from keras_comic.models.recipe import Recipe
from keras_comic.models.recipe import get_recipe
from keras_comic.models.recipe import register_recipe
from keras_comic.models.sequence_generator import SequenceGenerator
from keras_comic.models.style_generator import StyleGenerator
from keras_comic.models.training_data import TrainingData
from keras_comic.models.validation_set import ValidationSet
from keras_comic.models.zoo_model import ZooModel

__all__ = [
    "AdaINGenerator",
    "AdaINRecipe",
    "FeatureNetwork",
    "Generator",
    "InceptionFeatures",
    "LatentGenerator",
    "LightContentEncoder",
    "LightDecoder",
    "LightStyleEncoder",
    "PatchDiscriminator",
    "PresetTraining",
    "Recipe",
    "SequenceGenerator",
    "SqueezeNetFeatures",
    "StyleGenerator",
    "StyleTransferGAN",
    "TrainingData",
    "VGGDecoder",
    "VGGEncoder",
    "ValidationSet",
    "ZooModel",
    "add_style_to_preset",
    "evaluate_preset",
    "get_recipe",
    "load_adain_weights",
    "load_evaluation_network",
    "register_recipe",
    "search_options",
    "stylize_files",
    "train_preset",
]
