import os
import subprocess
import sys

import numpy as np
import pytest

from keras_comic.metrics import network_facts
from keras_comic.models import FeatureNetwork
from keras_comic.models.features.evaluation_network import EvaluationNetwork
from keras_comic.models.features.evaluation_network import ImageNetInceptionV3
from keras_comic.models.features.evaluation_network import (
    load_evaluation_network,
)
from keras_comic.models.features.inception_features import InceptionFeatures
from keras_comic.models.features.squeeze_net_features import SqueezeNetFeatures
from tests.models.features.test_inception_features import torch_arrays
from tests.test_case import ROOT
from tests.test_case import SHARED
from tests.test_case import TestCase
from tests.test_case import noise
from tests.test_case import shared


class EvaluationNetworkTest(TestCase):
    def assertLooks(self, found, size=32):
        """All layers are there when they are asked for, and no others."""
        self.assertIsInstance(found, EvaluationNetwork)
        names = {found.feature_layer, *found.content_layers}
        names |= set(found.style_layers)
        if found.logits_layer is not None:
            names.add(found.logits_layer)
        features = found.network(noise(2, size, size, 3), layers=sorted(names))
        self.assertEqual(set(features), names)
        for value in features.values():
            self.assertEqual(value.shape[0], 2)

    def test_networks(self):
        found = load_evaluation_network(FeatureNetwork((2, 2, 4), (2, 2, 2)))
        self.assertEqual(found.feature_layer, "relu3_4")
        self.assertEqual(
            found.content_layers, ("relu1_2", "relu2_2", "relu3_3")
        )
        self.assertEqual(found.style_layers, ("relu1_1", "relu2_1", "relu3_1"))
        self.assertLooks(found)
        self.assertLooks(
            load_evaluation_network(FeatureNetwork((1, 1), (2, 3)))
        )
        found = load_evaluation_network(SqueezeNetFeatures())
        self.assertEqual(found.feature_layer, "fire9")
        self.assertLooks(found)
        found = load_evaluation_network(InceptionFeatures(1 / 16))
        self.assertEqual(found.logits_layer, "logits_unbiased")
        self.assertLooks(found)

    def test_files(self):
        folder = self.temporary_folder()
        path = folder / "inception.npz"
        np.savez(path, **torch_arrays(1 / 16, 7))
        found = load_evaluation_network(path)
        self.assertIsInstance(found.network, InceptionFeatures)
        path = folder / "vgg.npz"
        network = FeatureNetwork((1, 1), (2, 3))
        arrays = {}
        for number, layer in enumerate(network.blocks, start=1):
            kernel, bias = layer.get_weights()
            arrays[f"block{number}_conv1/kernel"] = kernel
            arrays[f"block{number}_conv1/bias"] = bias
        np.savez(path, **arrays)
        found = load_evaluation_network(str(path))
        self.assertIsInstance(found.network, FeatureNetwork)
        self.assertEqual(found.network.filters, (2, 3))

    @shared
    def test_file_of_squeeze_net(self):
        found = load_evaluation_network(
            SHARED / "data/weights/squeezenet_v11_notop.h5"
        )
        self.assertIsInstance(found.network, SqueezeNetFeatures)
        self.assertLooks(found)

    @pytest.mark.slow
    def test_inception_of_keras(self):
        network = ImageNetInceptionV3(weights=None)
        found = load_evaluation_network(network)
        self.assertLooks(found, 96)
        facts = network_facts(network)
        self.assertEqual(facts["network"], "ImageNetInceptionV3")
        self.assertRegex(facts["network_sha256"], "^[0-9a-f]{64}$")
        features = network(noise(1, 96, 96, 3))
        self.assertShape(features["avg_pool"], (1, 2048))
        with self.assertRaisesRegex(ValueError, "at least 75 pixels"):
            network(noise(1, 64, 96, 3))

    def test_imagenet_without_a_network(self):
        # Nothing listens there, and the cache is empty.
        nowhere = "http://127.0.0.1:9"
        program = (
            "from keras_comic.models import FeatureNetwork\n"
            "from keras_comic.models import load_evaluation_network\n"
            "for load, argument in (\n"
            "    (FeatureNetwork.from_weights, 'imagenet'),\n"
            "    (FeatureNetwork.from_weights, 'imagenet_vgg16'),\n"
            "    (load_evaluation_network, 'imagenet'),\n"
            "):\n"
            "    try:\n"
            "        load(argument)\n"
            "    except OSError as error:\n"
            "        print('message:', error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env={
                **os.environ,
                "KERAS_HOME": str(self.temporary_folder()),
                "http_proxy": nowhere,
                "https_proxy": nowhere,
                "no_proxy": "",
            },
            text=True,
        )
        messages = done.stdout.split("message: ")[1:]
        self.assertEqual(len(messages), 3)
        for message, title in zip(
            messages, ("VGG-19", "VGG-16", "InceptionV3")
        ):
            self.assertRegex(
                message,
                f"The ImageNet weights of {title} could not be fetched "
                r"\(.*\). Without a network, pass the path of a file of ",
            )

    def test_errors(self):
        with self.assertRaisesRegex(
            FileNotFoundError, '"imagenet" or a file .*features=.none.h5'
        ):
            load_evaluation_network("none.h5")
        folder = self.temporary_folder()
        for name, message in (
            ("weights.txt", "must end in one of .h5, .hdf5, .npz, .pt"),
            ("weights.npz", "must be an `.npz` file of arrays"),
            ("weights.h5", "must be an `.h5` file"),
            ("weights.pth", "a dict of tensors"),
        ):
            (folder / name).write_text("no weights")
            with self.assertRaisesRegex(ValueError, message):
                load_evaluation_network(folder / name)
        with self.assertRaisesRegex(ValueError, "Received: features=3"):
            load_evaluation_network(3)
