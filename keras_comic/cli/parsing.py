"""Values that are typed as text."""

import ast
import re
import shlex
from pathlib import Path


def parse_styles(texts, style_names):
    """Returns the `style` of `stylize` for the texts that were typed."""
    if not texts:
        return None
    parsed = [_parse_style(text, style_names) for text in texts]
    if len(parsed) > 1:
        return [(s, 1.0 if w is None else w) for s, w in parsed]
    (style, weight), text = parsed[0], texts[0]
    if weight is not None:
        raise ValueError(
            "A weight needs a second --style to mix with; for a weaker style "
            f"there is --strength. Received: --style {text}"
        )
    return style


def _parse_style(text, style_names):
    style, colon, weight = text.rpartition(":")
    if not style or text in style_names or Path(text).exists():
        return text, None
    try:
        return style, float(weight)
    except ValueError:
        return text, None


def parse_watermark(text):
    """The identifier of a watermark that was typed."""
    is_hex = text.lower().startswith("0x")
    try:
        identifier = int(text, 16 if is_hex else 10)
        if 0 <= identifier < 2**32:
            return identifier
    except ValueError:
        pass
    raise ValueError(
        "A watermark must be a number from 0 to 4294967295, such as 1234 or "
        f"0xC0FFEE. Received: --watermark {text}"
    )


def parse_size(text, option):
    """Returns width and height of a size that was typed."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise ValueError(
            f"{option} must be WIDTHxHEIGHT, such as 640x480. "
            f"Received: {option} {text}"
        )
    return int(match[1]), int(match[2])


def parse_drawings(texts):
    """Returns the drawings as `PresetTraining` takes them."""
    if not texts:
        return None
    if len(texts) == 1 and ("=" not in texts[0] or Path(texts[0]).is_dir()):
        return Path(texts[0])
    pairs = [text.partition("=") for text in texts]
    folders = {name: Path(folder) for name, _, folder in pairs}
    if not all(map(all, pairs)) or len(folders) < len(texts):
        raise ValueError(
            "DRAWINGS must be one folder, or NAME=FOLDER with a name of its "
            f"own for each style. Received: {shlex.join(texts)}"
        )
    return folders


def parse_settings(texts, option):
    """Returns a dict of what was typed as NAME=VALUE."""
    settings = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ValueError(
                f"{option} must be NAME=VALUE. Received: {option} {text}"
            )
        try:
            settings[name] = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            settings[name] = value
        if option == "--loss-weight" and isinstance(settings[name], str):
            raise ValueError(
                "A loss weight must be TERM=NUMBER, such as style=1e-4. "
                f"Received: --loss-weight {text}"
            )
    return settings
