"""Lists the packages; everything else stands in setup.cfg."""

from setuptools import find_packages
from setuptools import setup

setup(packages=[*find_packages(include=["keras_comic*"]), "keras_comic.zoo"])
