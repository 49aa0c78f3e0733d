"""Classical comic art: the panels of a page."""

from keras_comic.comic.panels import find_panels

__all__ = ["find_panels"]
