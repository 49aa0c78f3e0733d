"""From a folder of drawings to a preset."""

import importlib.util
import json
import os
import warnings
from pathlib import Path

import keras

from keras_comic import presets
from keras_comic.data import DrawingFolder
from keras_comic.data import FolderPairs
from keras_comic.data import PhotoFolder
from keras_comic.data import image_label
from keras_comic.data import list_images
from keras_comic.data import read_image
from keras_comic.data import resize_short_side
from keras_comic.losses import CoherencePreservingLoss
from keras_comic.models.adain.adain_generator import AdaINGenerator
from keras_comic.models.adain.style_transfer_gan import StyleTransferGAN
from keras_comic.models.feature_network import FeatureNetwork
from keras_comic.models.patch_discriminator import PatchDiscriminator
from keras_comic.training import TemporalConsistency
from keras_comic.training import TrainingCheckpoint

# Short side of the drawings that the named styles are averaged from, pixels.
STYLE_SIZE = 256
RECIPE_FILE = "recipe.json"


def train_style_preset(
    drawings,
    photos,
    output,
    preset=None,
    feature_network="imagenet",
    steps=10000,
    options=None,
    callbacks=(),
    metadata=None,
):
    """Trains the light AdaIN generator and writes a preset.

    What the run needs lies in `<output>.training/` beside the preset: the
    TFRecords, the checkpoint, and what callbacks write there. The same call
    again goes on where a killed one stopped, to the same numbers. Pictures
    that cannot be read are left out, with a warning that names them. Where
    TensorFlow is not installed, the batches are made from the files
    themselves, see `keras_comic.data.FolderPairs`.

    Args:
        drawings: Path of a folder, whose sub-folders each become a named
            style, or a dict of name to folder.
        photos: Path of a folder of photos, or a list of them.
        output: Path of the preset folder to write.
        preset: Preset whose weights to start from, or `None`. Defaults to
            `None`.
        feature_network: As in `StyleTransferGAN`. Defaults to `"imagenet"`.
        steps: Integer > 0. Training steps; rounded up to whole epochs of
            `options["steps_per_epoch"]`. Defaults to `10000`.
        options: Dict or `None`: overrides of `DEFAULT_OPTIONS`, such as
            `image_size`, `batch_size`, `learning_rate`, `loss_weights`,
            `precision`, `seed`; `consistency` is the motion of a
            `TemporalConsistency`, or `None`, and with a weight of
            `coherence` it gets a coherence loss. Defaults to `None`.
        callbacks: Keras callbacks besides the checkpoint. Defaults to `()`.
        metadata: Dict or `None`. Entries for the preset's metadata. Defaults
            to `None`.

    Returns:
        The averaged generator, with its named styles.

    Raises:
        ValueError: If an option is unknown, or the folder holds a run of
            other options.
        FileNotFoundError: If a folder or a file does not exist.
    """
    unknown = sorted(set(options or {}) - set(DEFAULT_OPTIONS))
    if unknown:
        raise ValueError(
            f"`options` may hold {sorted(DEFAULT_OPTIONS)}. "
            f"Received: options={options}"
        )
    options = {**DEFAULT_OPTIONS, **(options or {})}
    output = Path(output)
    work = output.with_name(output.name + ".training")

    keras.utils.set_random_seed(options["seed"])
    # First, since it refuses options that make no sense.
    gan = make_style_transfer_gan(preset, feature_network, steps, options)
    work.mkdir(parents=True, exist_ok=True)
    _check_same_run(work, {"steps": steps, **options})
    checkpoint = TrainingCheckpoint(work)
    done = checkpoint.restore(gan)
    steps_per_epoch = options["steps_per_epoch"]
    epochs = -(-steps // steps_per_epoch)
    if done < epochs:
        dataset = _make_dataset(
            drawings, photos, work, done * steps_per_epoch, options
        )
        gan.fit(
            dataset,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            initial_epoch=done,
            callbacks=[checkpoint, *callbacks],
            # A dataset has its own order.
            shuffle=False,
            verbose=0,
        )
    generator = gan.ema_generator
    add_styles_of_folders(generator, drawings)
    presets.save_to_preset(generator, output, metadata)
    return generator


DEFAULT_OPTIONS = {
    "image_size": 128,
    "batch_size": 4,
    "zoom": (0.6, 1.0),
    "white_fraction": 0.75,
    "paper_fraction": 0.6,
    "identity_fraction": 0.1,
    "learning_rate": 1e-3,
    "warmup_steps": 100,
    "loss_weights": {},
    "discriminator_filters": 32,
    "consistency": None,
    "precision": "float32",
    "feature_precision": "float32",
    "steps_per_epoch": 100,
    "seed": 0,
}


def make_style_transfer_gan(preset, feature_network, steps, options):
    """The compiled GAN of the recipe.

    Args:
        preset: Preset to start from, or `None`.
        feature_network: As in `StyleTransferGAN`.
        steps: Integer > 0. Steps over which the learning rate falls.
        options: Dict, see `DEFAULT_OPTIONS`.

    Returns:
        A `StyleTransferGAN`, compiled.
    """
    precision = options["precision"]
    generator = AdaINGenerator.light(dtype=precision)
    if preset is not None:
        generator.set_weights(AdaINGenerator.from_preset(preset).get_weights())
    gan = StyleTransferGAN(
        generator,
        PatchDiscriminator(options["discriminator_filters"], dtype=precision),
        FeatureNetwork.from_weights(
            feature_network, dtype=options["feature_precision"]
        )
        if isinstance(feature_network, (str, Path))
        else feature_network,
        consistency=_make_consistency(options),
    )
    generator_optimizer, _ = gan.default_optimizers()
    generator_optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(steps - options["warmup_steps"], 1),
        alpha=0.02,
        warmup_target=options["learning_rate"],
        warmup_steps=options["warmup_steps"],
    )
    gan.compile(generator_optimizer, loss_weights=options["loss_weights"])
    return gan


def _make_consistency(options):
    motion = options["consistency"]
    if motion is None:
        return None
    coherence = None
    if options["loss_weights"].get("coherence", 0.0) > 0.0:
        coherence = CoherencePreservingLoss(seed=options["seed"])
    return TemporalConsistency(motion, coherence)


def add_styles_of_folders(generator, drawings):
    """Adds one named style for each label of the drawings.

    Args:
        generator: `AdaINGenerator`.
        drawings: As in `train_style_preset`.
    """
    for name, paths in labelled_drawings(drawings).items():
        pictures, failures = [], []
        for path in paths:
            try:
                picture = read_image(path)
            except (OSError, ValueError) as error:
                failures.append((path, str(error)))
            else:
                pictures.append(resize_short_side(picture, STYLE_SIZE))
        _warn_of(failures)
        if pictures:
            generator.add_style(name, pictures)


def labelled_drawings(drawings):
    """The files of each named style.

    Args:
        drawings: As in `train_style_preset`.

    Returns:
        Dict of name to a list of paths.
    """
    if isinstance(drawings, dict):
        return {name: list_images(folder) for name, folder in drawings.items()}
    files = {}
    for path in list_images(drawings):
        files.setdefault(image_label(path, drawings), []).append(path)
    return files


def _make_dataset(drawings, photos, work, start_step, options):
    arguments = {
        name: options[name]
        for name in ("image_size", "batch_size", "seed", "identity_fraction")
    }
    arguments["start_step"] = start_step
    zoom = options["zoom"]
    blank = {
        name: options[name] for name in ("white_fraction", "paper_fraction")
    }
    if importlib.util.find_spec("tensorflow") is None:
        return FolderPairs(
            PhotoFolder(photos, zoom),
            DrawingFolder(drawings, zoom, **blank),
            **arguments,
        )
    from keras_comic.data import style_transfer_dataset
    from keras_comic.data import write_records

    for folders, kind, name in (
        (photos, "photos", "photos"),
        (drawings, "comics", "drawings"),
    ):
        _warn_of(write_records(folders, work / name, kind).failures)
    return style_transfer_dataset(
        work / "photos", work / "drawings", zoom=zoom, **blank, **arguments
    )


def _warn_of(failures):
    for path, reason in failures:
        # From one place, so that a file is shown once.
        warnings.warn(f"Left out {path}: {reason}", stacklevel=1)


def _check_same_run(work, recipe):
    path = work / RECIPE_FILE
    recipe = json.loads(json.dumps(recipe))
    if path.is_file():
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored != recipe:
            changed = sorted(
                k for k in {*stored, *recipe} if stored.get(k) != recipe.get(k)
            )
            raise ValueError(
                f"{str(work)!r} holds a run of other options: remove it, or "
                "write to another folder. Received: "
                + ", ".join(
                    f"{k}={recipe.get(k)!r} (was {stored.get(k)!r})"
                    for k in changed
                )
            )
        return
    partial = work / f".partial.{RECIPE_FILE}"
    partial.write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)
