"""Converts pictures to sRGB, by what their files say of their colours."""

import io

import numpy as np
from PIL import Image
from PIL import ImageCms

# Modes whose profiles Pillow converts, and those of the result.
MODES = {"RGB": "RGB", "RGBA": "RGBA", "CMYK": "RGB", "L": "RGB", "LAB": "RGB"}
# Chromaticities of sRGB: white, red, green and blue, as PNG states them.
SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
SRGB_GAMMA = 1 / 2.2
# Values of PNG that differ from sRGB's by less say the same.
TOLERANCE = 0.01


def srgb_profile():
    """Returns the bytes of a profile that says sRGB."""
    profile = ImageCms.createProfile("sRGB")
    return ImageCms.ImageCmsProfile(profile).tobytes()


def to_srgb(picture):
    """Converts a loaded picture to sRGB, and tells if that changed it."""
    info = picture.info
    if info.get("icc_profile"):
        return _by_profile(picture, info["icc_profile"])
    if "srgb" not in info and ("gamma" in info or "chromaticity" in info):
        return _by_png(picture, info)
    return picture, False


def _by_profile(picture, data):
    if picture.mode in ("P", "PA"):
        has_alpha = picture.has_transparency_data
        picture = picture.convert("RGBA" if has_alpha else "RGB")
    elif picture.mode in ("L", "RGB") and "transparency" in picture.info:
        # The transparent colour is another once it is converted.
        picture = picture.convert(f"{picture.mode}A")
    if picture.mode == "LA":
        # Grey with a curve of its own: its light part is converted.
        light, alpha = picture.split()
        light, is_converted = _by_profile(light, data)
        return Image.merge("LA", (light.convert("L"), alpha)), is_converted
    if picture.mode not in MODES:
        return picture, False
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        if "srgb" in ImageCms.getProfileDescription(profile).lower():
            return picture, False
        converted = ImageCms.profileToProfile(
            picture,
            profile,
            ImageCms.createProfile("sRGB"),
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            MODES[picture.mode],
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    # A broken profile, or one of another number of channels, says nothing.
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture, False
    converted.info = {}
    return converted, True


def _by_png(picture, info):
    gamma = info.get("gamma", SRGB_GAMMA)
    primaries = info.get("chromaticity", SRGB_PRIMARIES)
    if len(primaries) != len(SRGB_PRIMARIES) or not 0 < gamma < 10:
        return picture, False
    matrix = None
    if np.abs(np.subtract(primaries, SRGB_PRIMARIES)).max() > TOLERANCE:
        matrix = np.linalg.inv(_to_xyz(SRGB_PRIMARIES)) @ _to_xyz(primaries)
    elif abs(gamma - SRGB_GAMMA) < TOLERANCE:
        return picture, False
    if not picture.mode.startswith("I"):
        has_alpha = picture.has_transparency_data
        picture = picture.convert("RGBA" if has_alpha else "RGB")
    values = np.asarray(picture)
    largest = 65535 if picture.mode.startswith("I") else 255
    colors = values if values.ndim == 2 else values[..., :3]
    light = (colors.astype("float32") / largest) ** (1 / gamma)
    if matrix is not None and values.ndim == 3:
        light = np.clip(light @ matrix.T.astype("float32"), 0.0, 1.0)
    encoded = np.where(
        light <= 0.0031308,
        12.92 * light,
        1.055 * light ** np.float32(1 / 2.4) - 0.055,
    )
    colors = np.rint(encoded * largest).astype(values.dtype)
    if values.ndim == 3:
        colors = np.concatenate([colors, values[..., 3:]], axis=-1)
    return Image.fromarray(colors), True


def _to_xyz(primaries):
    """Returns the matrix of linear RGB to XYZ of chromaticities."""
    points = np.reshape(primaries, (4, 2))
    xyz = np.stack(
        [
            points[:, 0] / points[:, 1],
            np.ones(4),
            (1 - points.sum(1)) / points[:, 1],
        ]
    )
    colors, white = xyz[:, 1:], xyz[:, 0]
    return colors * np.linalg.solve(colors, white)
