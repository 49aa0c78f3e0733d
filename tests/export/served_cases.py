"""Requests to every signature, and what `stylize` gives for them."""

import io

import numpy as np
from PIL import Image
from skimage import data

SIZES = ((64, 64), (75, 101), (128, 96))
BATCHES = (1, 5)


def png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def unpack(contents):
    return np.asarray(Image.open(io.BytesIO(contents)))


def pictures(sample, height, width, count):
    photo = getattr(data, sample)()
    return np.stack(
        [
            photo[7 * i : 7 * i + height, 11 * i : 11 * i + width]
            for i in range(count)
        ]
    )


def make_cases(generator, sizes=SIZES, batches=BATCHES):
    """List of `(signature, inputs, expected uint8 pictures)`."""
    names = generator.style_names
    random = np.random.default_rng(0)
    cases = []
    for height, width in sizes:
        for count in batches:
            images = pictures("coffee", height, width, count)
            plain = generator.stylize(images)
            cases.append(("serving_default", {"images": images}, plain))
            files = np.array([png(image) for image in images], object)
            cases.append(("serving_bytes", {"image_bytes": files}, plain))

            how = {
                "strength": np.linspace(1.0, 0.05, count, dtype="float32"),
                "keep_color": np.arange(count) % 2 == 1,
            }
            settings = list(
                zip(
                    how["strength"].tolist(),
                    how["keep_color"].tolist(),
                    strict=True,
                )
            )
            drawings = pictures("chelsea", 48, 57, count)
            inputs = {"images": images, "style_images": drawings, **how}
            expected = [
                generator.stylize(image, drawing, strength, None, keep_color)
                for image, drawing, (strength, keep_color) in zip(
                    images, drawings, settings, strict=True
                )
            ]
            expected = np.stack(expected)
            cases.append(("serving_style_image", inputs, expected))
            drawings = np.array([png(drawing) for drawing in drawings], object)
            inputs = {
                "image_bytes": files,
                "style_image_bytes": drawings,
                **how,
            }
            cases.append(("serving_bytes_style_image", inputs, expected))

            weights = random.uniform(0, 3, (count, len(names)))
            weights = weights.astype("float32")
            inputs = {"images": images, "style_weights": weights, **how}
            expected = [
                generator.stylize(
                    image,
                    list(zip(names, row.tolist(), strict=True)),
                    strength,
                    None,
                    keep_color,
                )
                for image, row, (strength, keep_color) in zip(
                    images, weights, settings, strict=True
                )
            ]
            expected = np.stack(expected)
            cases.append(("serving_style_weights", inputs, expected))
            inputs = {"image_bytes": files, "style_weights": weights, **how}
            cases.append(("serving_bytes_style_weights", inputs, expected))
    return cases


def compare(testcase, output, expected, signature):
    """Within 1 of 255, and equal but for 0.1% of the values."""
    if signature.startswith("serving_bytes"):
        output = np.stack([unpack(contents) for contents in output])
    testcase.assertEqual(output.dtype, np.uint8)
    testcase.assertEqual(output.shape, expected.shape)
    difference = np.abs(output.astype(int) - expected)
    testcase.assertLessEqual(difference.max(), 1, signature)
    testcase.assertLessEqual((difference > 0).mean(), 1e-3, signature)
