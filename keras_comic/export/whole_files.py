"""Files that appear whole or not at all."""

import os
from pathlib import Path


def write_whole(contents):
    """Writes files beside their final names, then renames them."""
    partials = {}
    try:
        for path, data in contents.items():
            path = Path(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".partial.{path.name}")
            partials[path] = partial
            partial.write_bytes(data)
        for path, partial in partials.items():
            os.replace(partial, path)
    finally:
        for partial in partials.values():
            partial.unlink(missing_ok=True)
    return list(partials)
