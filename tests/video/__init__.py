"""Tests of `keras_comic.video`."""
