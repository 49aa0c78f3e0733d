"""How photos are shared out among requests."""

import collections

# Of one request: small ones are joined by the server, and are tried again one
# by one. A larger photo goes alone.
IMAGES_PER_REQUEST = 8
BYTES_PER_REQUEST = 2**24


def split_photos(photos, bytes_per_value):
    """Shares photos out, those of one size together."""
    groups = collections.defaultdict(list)
    for number, photo in enumerate(photos):
        groups[photo.shape].append(number)
    return [
        part
        for group in groups.values()
        for part in split_numbers(
            group, lambda n: photos[n].size * bytes_per_value
        )
    ]


def split_numbers(numbers, size_of):
    """Shares things out, as many as fit into a request."""
    parts, size = [], 0
    for number in numbers:
        more = size_of(number)
        is_full = parts and (
            len(parts[-1]) == IMAGES_PER_REQUEST
            or size + more > BYTES_PER_REQUEST
        )
        if is_full or not parts:
            parts.append([])
            size = 0
        parts[-1].append(number)
        size += more
    return parts
