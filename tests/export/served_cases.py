"""Requests to every signature, and what the model itself gives for them."""

import io

import numpy as np
from PIL import Image
from skimage import data


def png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def unpack(contents):
    return np.asarray(Image.open(io.BytesIO(contents)))


def pngs(pictures):
    return np.array([png(picture) for picture in pictures], object)


def pictures(sample, height, width, count=1):
    photo = getattr(data, sample)()
    return np.stack(
        [
            photo[7 * i : 7 * i + height, 11 * i : 11 * i + width]
            for i in range(count)
        ]
    )


def make_cases(generator, size=(75, 101), count=3):
    """List of `(signature, inputs, expected uint8 pictures)`."""
    images = pictures("coffee", *size, count)
    settings = {
        "strength": np.linspace(1.0, 0.05, count, dtype="float32"),
        "keep_color": np.arange(count) % 2 == 1,
    }

    def expected(styles):
        rows = zip(images, styles, *settings.values(), strict=True)
        return np.stack(
            [
                generator.stylize(photo, style, float(strength), None, keep)
                for photo, style, strength, keep in rows
            ]
        )

    plain = generator.stylize(images)
    cases = [("default", {}, {}, plain)]
    if not generator.takes_style:
        cases.append(("strength", settings, settings, expected([None] * count)))
    else:
        names = generator.style_names
        weights = np.random.default_rng(0).uniform(0, 3, (count, len(names)))
        weights = {"style_weights": weights.astype("float32"), **settings}
        mixes = [
            list(zip(names, row.tolist(), strict=True))
            for row in weights["style_weights"]
        ]
        cases.append(("style_weights", weights, weights, expected(mixes)))
        drawings = pictures("chelsea", 48, 57, count)
        like = {"style_images": drawings, **settings}
        files = {"style_image_bytes": pngs(drawings), **settings}
        cases.append(("style_image", like, files, expected(drawings)))
    found = []
    for name, inputs, file_inputs, comics in cases:
        found.append((f"serving_{name}", {"images": images, **inputs}, comics))
        name = f"serving_bytes_{name}".removesuffix("_default")
        inputs = {"image_bytes": pngs(images), **file_inputs}
        found.append((name, inputs, comics))
    return found


def compare(testcase, output, expected, signature):
    """Within 1 of 255, and equal but for 0.1% of the values."""
    if signature.startswith("serving_bytes"):
        output = np.stack([unpack(contents) for contents in output])
    testcase.assertEqual(output.dtype, np.uint8)
    testcase.assertEqual(output.shape, expected.shape)
    difference = np.abs(output.astype(int) - expected)
    testcase.assertLessEqual(difference.max(), 1, signature)
    testcase.assertLessEqual((difference > 0).mean(), 1e-3, signature)
