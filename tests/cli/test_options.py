import inspect
import typing

import typer

from keras_comic.cli import main
from keras_comic.cli import options
from tests.test_case import TestCase


def told(kind):
    """Whether it is an argument or an option, and its help."""
    _, info = typing.get_args(kind)
    return type(info), info.help


class OptionsTest(TestCase):
    def setUp(self):
        super().setUp()
        self.kinds = {
            name: kind
            for name, kind in vars(options).items()
            if typing.get_origin(kind) is typing.Annotated
        }

    def test_each_is_taken_twice(self):
        taken = [
            parameter.annotation
            for info in main.app.registered_commands
            for parameter in inspect.signature(
                info.callback
            ).parameters.values()
        ]
        for name, kind in self.kinds.items():
            self.assertGreaterEqual(taken.count(kind), 2, name)

    def test_no_help_is_written_twice(self):
        helps = [told(kind) for kind in self.kinds.values()]
        self.assertEqual(len(set(helps)), len(helps))
        for info in main.app.registered_commands:
            for parameter in inspect.signature(
                info.callback
            ).parameters.values():
                if parameter.annotation is typer.Context:
                    continue
                if told(parameter.annotation) in helps:
                    self.assertIn(
                        parameter.annotation,
                        self.kinds.values(),
                        f"{info.name}: {parameter.name}",
                    )
