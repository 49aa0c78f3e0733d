"""From a folder of drawings to a preset."""

import hashlib
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
from keras_comic.metrics import network_facts
from keras_comic.models.adain.adain_generator import AdaINGenerator
from keras_comic.models.adain.style_transfer_gan import StyleTransferGAN
from keras_comic.models.discriminators.patch_discriminator import (
    PatchDiscriminator,
)
from keras_comic.models.features.feature_network import FeatureNetwork
from keras_comic.training import BestCheckpoint
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
    records=None,
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
        callbacks: Keras callbacks besides the checkpoint. With a
            `BestCheckpoint` among them the preset gets the best weights that
            it found, otherwise the last. Defaults to `()`.
        metadata: Dict or `None`. Entries for the preset's metadata. Defaults
            to `None`.
        records: Path of a folder for the TFRecords, which several runs on the
            same pictures may share; or `None`. Defaults to `None`,
            `<output>.training/`.

    Returns:
        The averaged generator, with its named styles.

    Raises:
        ValueError: If an option is unknown, or the folder holds a run of
            other options, pictures or weights.
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
    _check_same_run(
        work,
        {"steps": steps, **options},
        {
            **describe_data(drawings, photos),
            "preset": None if preset is None else _checksum(gan.generator),
            "feature_network": _checksum(gan.feature_network),
        },
    )
    checkpoint = TrainingCheckpoint(work)
    done = checkpoint.restore(gan)
    steps_per_epoch = options["steps_per_epoch"]
    epochs = -(-steps // steps_per_epoch)
    if done < epochs:
        dataset = _make_dataset(
            drawings,
            photos,
            work if records is None else Path(records),
            done * steps_per_epoch,
            options,
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
    _restore_best(gan, callbacks)
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
    """The compiled GAN of the recipe."""
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
    optimizer = gan.default_optimizer("generator")
    optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        max(steps - options["warmup_steps"], 1),
        alpha=0.02,
        warmup_target=options["learning_rate"],
        warmup_steps=options["warmup_steps"],
    )
    gan.compile({"generator": optimizer}, options["loss_weights"])
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
    """Adds one named style for each label of the drawings."""
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
    """The files of each named style."""
    if isinstance(drawings, dict):
        return {name: list_images(folder) for name, folder in drawings.items()}
    files = {}
    for path in list_images(drawings):
        files.setdefault(image_label(path, drawings), []).append(path)
    return files


def _make_dataset(drawings, photos, records, start_step, options):
    arguments = {
        name: options[name]
        for name in ("batch_size", "seed", "identity_fraction")
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
            options["image_size"],
            **arguments,
        )
    from keras_comic.data import Crops
    from keras_comic.data import style_transfer_dataset
    from keras_comic.data import write_records

    for folders, kind, name in (
        (photos, "photos", "photos"),
        (drawings, "comics", "drawings"),
    ):
        _warn_of(write_records(folders, records / name, kind).failures)
    return style_transfer_dataset(
        records / "photos",
        records / "drawings",
        Crops(options["image_size"], zoom, max_blank=tuple(blank.values())),
        **arguments,
    )


def _warn_of(failures):
    for path, reason in failures:
        # From one place, so that a file is shown once.
        warnings.warn(f"Left out {path}: {reason}", stacklevel=1)


def describe_data(drawings, photos):
    """What tells whether two runs are of the same pictures."""
    folders = photos if isinstance(photos, (list, tuple)) else [photos]
    paths = [path for folder in folders for path in list_images(folder)]
    return {
        "drawings": {
            name: _describe_files(files)
            for name, files in labelled_drawings(drawings).items()
        },
        "photos": _describe_files(paths),
    }


def _describe_files(paths):
    names = [f"{path.name} {path.stat().st_size}" for path in paths]
    checksum = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return f"{len(paths)} files, checksum {checksum[:12]}"


def _checksum(network):
    return f"checksum {network_facts(network)['network_sha256'][:12]}"


def _restore_best(gan, callbacks):
    for callback in callbacks:
        if isinstance(callback, BestCheckpoint):
            try:
                callback.restore_best(gan)
            except FileNotFoundError:
                # No evaluation was finite: the last weights, then.
                pass


def _check_same_run(work, options, data):
    """Refuses to go on with a run whose result would be another one."""
    path = work / RECIPE_FILE
    recipe = json.loads(json.dumps({**options, **data}))
    if path.is_file():
        stored = json.loads(path.read_text(encoding="utf-8"))
        changed = sorted(
            name
            for name in {*stored, *recipe}
            if stored.get(name) != recipe.get(name)
            # Earlier versions did not keep them.
            and (name in stored or name not in data)
        )
        if changed:
            kinds = [
                kind
                for kind, names in (
                    ("options", set(changed) - set(data)),
                    ("pictures", {"drawings", "photos"} & set(changed)),
                    ("weights", {"preset", "feature_network"} & set(changed)),
                )
                if names
            ]
            raise ValueError(
                f"{str(work)!r} holds a run of other {' and '.join(kinds)}: "
                "remove it, or write to another folder. Received: "
                + ", ".join(
                    f"{name}={recipe.get(name)!r} (was {stored.get(name)!r})"
                    for name in changed
                )
            )
        return
    partial = work / f".partial.{RECIPE_FILE}"
    partial.write_text(json.dumps(recipe, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)
