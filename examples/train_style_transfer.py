"""Trains a style transfer GAN with `model.fit`, and writes a preset.

Command, for photos in one folder and drawings in another, whose sub-folders
each hold one illustrator's:

    python examples/train_style_transfer.py photos/ drawings/ -o runs/ink

Duration and result: those of the preset that this recipe trained, with the
processor, are in zoo/adain_storybook/README.md; 200 steps (`--steps 200`) show
within minutes that a set of drawings works.

It is what `keras-comic train` does, spelled out, to be changed: other losses,
another discriminator, another optimizer. Run again with the same arguments,
it goes on where it was stopped.
"""

import argparse
import pathlib

import keras

import keras_comic
from keras_comic import data
from keras_comic import training

# Photos of the sample grid, and the short side of pictures in it and of the
# drawings that a named style is averaged from, pixels.
NUM_SAMPLES = 4
SAMPLE_SIZE = 256


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photos", help="a folder of photos")
    parser.add_argument(
        "drawings", help="a folder; each sub-folder becomes a named style"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=pathlib.Path,
        required=True,
        help="the folder for the preset and for what the run needs",
    )
    parser.add_argument(
        "--features",
        default="imagenet",
        help="VGG-19 weights (.npz), or imagenet, which fetches Keras's "
        "(default: %(default)s)",
    )
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--steps-per-epoch", type=int, default=100)
    parser.add_argument(
        "--image-size", type=int, default=128, help="side of crops, pixels"
    )
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def labelled_paths(folder, broken):
    """Dict of the name of each style to the paths of its drawings."""
    paths = {}
    for path in data.list_images(folder):
        if path not in broken:
            paths.setdefault(data.image_label(path, folder), []).append(path)
    return paths


def read_samples(paths):
    """Pictures of a common short side."""
    return [
        data.resize_short_side(data.read_image(path), SAMPLE_SIZE)
        for path in paths
    ]


def make_gan(options):
    """The networks, their losses and their optimizers."""
    gan = keras_comic.StyleTransferGAN(
        keras_comic.AdaINGenerator.light(),
        keras_comic.PatchDiscriminator(filters=32),
        feature_network=options.features,
    )
    # Without arguments, `compile` takes the recipe's optimizers and weights;
    # here the learning rate falls to nothing as well.
    optimizer = gan.default_optimizer("generator")
    optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
        1e-3, options.steps, alpha=0.02
    )
    gan.compile(optimizers={"generator": optimizer})
    return gan


def main(arguments=None):
    options = parse_arguments(arguments)
    keras.utils.set_random_seed(options.seed)
    output = options.output

    gan = make_gan(options)
    checkpoint = training.TrainingCheckpoint(output)
    epochs_done = checkpoint.restore(gan)

    broken = set()
    for kind, folder in (
        ("photos", options.photos),
        ("comics", options.drawings),
    ):
        written = data.write_records(folder, output / kind, kind)
        for path, reason in written.failures:
            print(f"Left out {path}: {reason}")
            broken.add(pathlib.Path(path))
    dataset = data.style_transfer_dataset(
        output / "photos",
        output / "comics",
        data.Crops(options.image_size),
        batch_size=options.batch_size,
        seed=options.seed,
        start_step=epochs_done * options.steps_per_epoch,
    )

    photos = [p for p in data.list_images(options.photos) if p not in broken]
    samples = read_samples(photos[:NUM_SAMPLES])
    styles = labelled_paths(options.drawings, broken)
    drawings = {name: read_samples(p[:1])[0] for name, p in styles.items()}
    gan.fit(
        dataset,
        epochs=-(-options.steps // options.steps_per_epoch),
        initial_epoch=epochs_done,
        steps_per_epoch=options.steps_per_epoch,
        callbacks=[
            checkpoint,
            training.SampleGrid(output / "samples", samples, drawings),
            training.LossPlot(output),
            training.TrainingProgress(),
        ],
        # The dataset has its own order.
        shuffle=False,
        verbose=0,
    )

    # The average of the generator over the last steps is what is kept.
    generator = gan.ema_generator
    for name, paths in styles.items():
        generator.add_style(name, read_samples(paths))
    generator.save_to_preset(output / "preset")
    print(f"Wrote {output / 'preset'}: {', '.join(generator.style_names)}")


if __name__ == "__main__":
    main()
