"""`python -m keras_comic` is the command `keras-comic`."""

from keras_comic.cli.main import app

app(prog_name="keras-comic")
