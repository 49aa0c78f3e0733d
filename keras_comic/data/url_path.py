"""The names of files at URLs, as `pathlib` gives those of local files."""

import os
from pathlib import PurePosixPath
from urllib.parse import urlsplit


class UrlPath(os.PathLike):
    """The part of `pathlib.PurePath` that concerns names, for a URL."""

    def __init__(self, url):
        self.url = os.fspath(url).rstrip("/")

    def __fspath__(self):
        return self.url

    def __str__(self):
        return self.url

    def __repr__(self):
        return f"{type(self).__name__}({self.url!r})"

    def __eq__(self, other):
        return isinstance(other, UrlPath) and self.url == other.url

    def __lt__(self, other):
        return self.url < other.url

    def __hash__(self):
        return hash(self.url)

    def __truediv__(self, name):
        return type(self)(f"{self.url}/{os.fspath(name)}")

    @property
    def name(self):
        """The last part."""
        url = self.url
        if url.startswith(("http://", "https://")):
            # Without what is asked of the server.
            url = urlsplit(url).path
        return url.rpartition("/")[2]

    @property
    def suffix(self):
        """The last part's ending, with its dot."""
        return os.path.splitext(self.name)[1]

    @property
    def stem(self):
        """The last part without its ending."""
        return os.path.splitext(self.name)[0]

    @property
    def parent(self):
        """What lies above."""
        return type(self)(self.url.rpartition("/")[0])

    @property
    def parents(self):
        """All that lies above, the next first; not the scheme itself."""
        scheme, _, path = self.url.partition("://")
        parts = path.split("/")[:-1]
        return [
            type(self)(f"{scheme}://{'/'.join(parts[:count])}")
            for count in range(len(parts), 0, -1)
        ]

    def with_name(self, name):
        """The URL with another last part."""
        return self.parent / name

    def relative_to(self, folder):
        """The name within a folder."""
        if not self.url.startswith(f"{folder}/"):
            raise ValueError(
                f"The URL does not lie in the folder. Received: {self}, "
                f"folder={folder}"
            )
        return PurePosixPath(self.url[len(str(folder)) + 1 :])

    def resolve(self):
        """The URL itself: it holds no links."""
        return self


def is_url(path):
    """Whether a path has a scheme, such as `gs://`."""
    return "://" in os.fspath(path)
