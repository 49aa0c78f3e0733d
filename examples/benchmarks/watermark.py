"""What the invisible watermark survives, how visible it is, and how fast.

    python examples/benchmarks/watermark.py --photos FOLDER --json rows.json

Each picture, and its comic by `--preset` (`--preset none` leaves comics out),
is marked with another random identifier of 32 bits, changed, and read without
the original and without being told what was done. A rate counts pictures whose
identifier is read without error. `--photos` names a folder of photographs, the
first `--pictures` of which are taken, by name; without it, these are crops of
scikit-image's photographs of 256 pixels. `unmarked` are crops of the same
pictures, of random places and sizes, of which a mark must not be read.
"""

import functools
import io

import numpy as np
from benchmark import median_seconds
from benchmark import parser
from benchmark import report
from benchmark import row
from PIL import Image

import keras_comic
from keras_comic import provenance

SIDE = 256
SAMPLES = ("astronaut", "chelsea", "coffee", "rocket")
SPEED_SIZES = ((256, 256), (720, 1280), (1080, 1920))


def jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def webp(image, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "WEBP", quality=quality)
    return np.asarray(Image.open(file))


def scaled(image, factor, resampling=Image.Resampling.LANCZOS):
    size = [max(round(side * factor), 1) for side in image.shape[1::-1]]
    return np.asarray(Image.fromarray(image).resize(size, resampling))


def cropped(image, share):
    height, width = image.shape[:2]
    top, left = round(height * share / 2), round(width * share / 2)
    return image[top : height - top, left : width - left]


def contrast(image, factor):
    levels = (image.astype("float32") - 128) * factor + 128
    return np.clip(np.rint(levels), 0, 255).astype("uint8")


CHANGES = {
    "none": lambda image: image,
    "JPEG q75": lambda image: jpeg(image, 75),
    "JPEG q50": lambda image: jpeg(image, 50),
    "JPEG q30": lambda image: jpeg(image, 30),
    "WebP q75": lambda image: webp(image, 75),
    "half, Lanczos": lambda image: scaled(image, 0.5),
    "half, box": lambda image: scaled(image, 0.5, Image.Resampling.BOX),
    "half, bilinear": lambda image: scaled(
        image, 0.5, Image.Resampling.BILINEAR
    ),
    "half, then JPEG q75": lambda image: jpeg(scaled(image, 0.5), 75),
    "JPEG q75, then half": lambda image: scaled(jpeg(image, 75), 0.5),
    "quarter": lambda image: scaled(image, 0.25),
    "1.7 times": lambda image: scaled(image, 1.7),
    "mirrored": lambda image: image[:, ::-1],
    "turned by 90 degrees": np.rot90,
    "contrast 0.8": lambda image: contrast(image, 0.8),
    "1% cropped": lambda image: cropped(image, 0.01),
    "5% cropped": lambda image: cropped(image, 0.05),
}


def sample_photos(count):
    """Crops of scikit-image's photographs."""
    from skimage import data

    random = np.random.default_rng(0)
    photos = []
    for i in range(count):
        photo = getattr(data, SAMPLES[i % len(SAMPLES)])()
        top = random.integers(photo.shape[0] - SIDE + 1)
        left = random.integers(photo.shape[1] - SIDE + 1)
        photos.append(photo[top : top + SIDE, left : left + SIDE])
    return photos


def psnr(image, other):
    error = np.mean((image.astype("float64") - other) ** 2)
    return 10 * np.log10(255**2 / error)


def random_crop(image, random, smallest=64):
    height, width = (random.integers(smallest, s + 1) for s in image.shape[:2])
    top = random.integers(image.shape[0] - height + 1)
    left = random.integers(image.shape[1] - width + 1)
    return image[top : top + height, left : left + width]


def rate_rows(images, unmarked):
    """PSNR, read rates and false reads."""
    random = np.random.default_rng(1)
    ratios, read = [], dict.fromkeys(CHANGES, 0)
    for image in images:
        identifier = int(random.integers(2**32))
        marked = provenance.embed_watermark(image, identifier)
        ratios.append(psnr(image, marked))
        for name, change in CHANGES.items():
            found = provenance.read_watermark(
                np.ascontiguousarray(change(marked))
            )
            read[name] += found == identifier
    wrong = 0
    for i in range(unmarked):
        crop = random_crop(images[i % len(images)], random)
        wrong += provenance.read_watermark(crop) is not None
    conditions = f"{len(images)} pictures"
    rows = [
        row("PSNR, mean", np.mean(ratios), "dB", None, conditions),
        row("PSNR, least", min(ratios), "dB", None, conditions),
    ]
    for name, count in read.items():
        rows.append(
            row(f"read: {name}", count / len(images), "1", None, conditions)
        )
    conditions = f"{unmarked} crops"
    rows.append(row("read: unmarked", wrong, "pictures", None, conditions))
    return rows


def speed_rows(repeats):
    """Seconds to mark and to read."""
    rows = []
    random = np.random.default_rng(2)
    for height, width in SPEED_SIZES:
        image = random.integers(0, 256, (height, width, 3), dtype="uint8")
        image = scaled(scaled(image, 0.05), 20.0)
        marked = provenance.embed_watermark(image, 1)
        size = f"{image.shape[1]} x {image.shape[0]} pixels"
        for name, function in (
            ("mark", functools.partial(provenance.embed_watermark, image, 1)),
            ("read", functools.partial(provenance.read_watermark, marked)),
        ):
            seconds = median_seconds(function, repeats)
            rows.append(row(name, seconds, "s", None, size))
    return rows


def main(arguments=None):
    options = parser(__doc__)
    options.add_argument("--photos", help="a folder of photographs")
    options.add_argument("--pictures", type=int, default=50)
    options.add_argument("--preset", default="adain_storybook")
    options.add_argument("--unmarked", type=int, default=2000)
    arguments = options.parse_args(arguments)
    if arguments.photos is None:
        images = sample_photos(arguments.pictures)
    else:
        files = keras_comic.data.list_images(arguments.photos)
        images = [
            keras_comic.data.read_image(file)
            for file in files[: arguments.pictures]
        ]
    if arguments.preset != "none":
        generator = keras_comic.from_preset(arguments.preset)
        names = generator.style_names
        images += [
            generator.stylize(image, names[i % len(names)])
            for i, image in enumerate(list(images))
        ]
    rows = rate_rows(images, arguments.unmarked)
    rows += speed_rows(arguments.repeats)
    report("Watermark", rows, arguments.json)


if __name__ == "__main__":
    main()
