import typing

from keras_comic.cli import train_options
from tests.test_case import TestCase


class TrainOptionsTest(TestCase):
    def test_every_option_explains_itself(self):
        options = {
            name: typing.get_args(value)[1].help
            for name, value in vars(train_options).items()
            if typing.get_origin(value) is typing.Annotated
        }
        self.assertGreater(len(options), 3)
        for name, text in options.items():
            self.assertRegex(text, r"^[A-Z][^`]*[.]", name)
        self.assertEqual(len(set(options.values())), len(options))
