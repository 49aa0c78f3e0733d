"""Wide-gamut and high dynamic range pixels, made fit for 8-bit displays.

Light is measured in candela per square metre (nits). What a display of
standard range shows as white is taken to be 203 nits, the reference white of
HDR broadcasts; what is brighter is compressed.
"""

import functools

import numpy as np

# FFmpeg's numbers of transfer functions and of primaries.
PQ = 16
HLG = 18
BT2020 = 9

REFERENCE_WHITE = 203.0
# Of HLG, nits: the brightest that the nominal display shows.
HLG_PEAK = 1000.0
# Parts of the reference white up to which nothing is compressed.
KNEE = 0.75
DISPLAY_GAMMA = 2.4

# Luma of BT.2020, and its primaries in those of BT.709 (BT.2087).
_LUMA = np.array([0.2627, 0.6780, 0.0593], "float32")
_TO_BT709 = np.array(
    [
        [1.6605, -0.5876, -0.0728],
        [-0.1246, 1.1329, -0.0083],
        [-0.0182, -0.1006, 1.1187],
    ],
    "float32",
)
# Rows that are converted at a time, to need little memory.
_ROWS = 64


def needs_tone_mapping(transfer, primaries):
    """Tells whether `to_standard_range` changes pixels of this kind."""
    return transfer in (PQ, HLG) or primaries == BT2020


def to_standard_range(pixels, transfer, primaries):
    """Converts high dynamic range to 8-bit RGB of BT.709."""
    result = np.empty(pixels.shape, "uint8")
    table = _light_table(transfer)
    for row in range(0, len(pixels), _ROWS):
        light = table[pixels[row : row + _ROWS]]
        if transfer == HLG:
            # From light of the scene to light of the display.
            luma = np.maximum(light @ _LUMA, 1e-6)[..., None]
            light *= HLG_PEAK / REFERENCE_WHITE * luma**0.2
        if primaries == BT2020:
            light = np.maximum(light @ _TO_BT709.T, 0)
        if transfer in (PQ, HLG):
            peak = np.max(light, axis=-1, keepdims=True)
            bright = np.maximum(peak, KNEE)
            room = 1 - KNEE
            # Up to the knee, this is a factor of 1.
            light *= (1 - room * np.exp((KNEE - bright) / room)) / bright
        values = np.clip(light, 0, 1) ** (1 / DISPLAY_GAMMA)
        result[row : row + _ROWS] = np.rint(255 * values)
    return result


@functools.cache
def _light_table(transfer):
    """Returns the light of each 16-bit value; 1 is the reference white."""
    signal = np.arange(65536) / 65535
    if transfer == PQ:
        powers = signal ** (32 / 2523)
        light = np.maximum(powers - 107 / 128, 0)
        light = light / (2413 / 128 - 2392 / 128 * powers)
        light = 10000 / REFERENCE_WHITE * light ** (8192 / 1305)
    elif transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(
            signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12
        )
    else:
        light = signal**DISPLAY_GAMMA
    return light.astype("float32")
