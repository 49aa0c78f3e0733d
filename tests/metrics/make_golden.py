"""Numbers of other projects' metrics, for the tests: `golden.json`.

    python -m venv /tmp/golden
    /tmp/golden/bin/pip install torch torchvision torchmetrics torch-fidelity \
        lpips
    /tmp/golden/bin/python -m tests.metrics.make_golden

writes the file anew, from the root of the repository. The inputs are drawn
here by NumPy alone, for that script and for the tests alike; what needs the
other projects comes after `main`.
"""

import base64
import importlib.metadata
import io
import json
import pathlib
import tempfile
import zlib

import numpy as np

GOLDEN = pathlib.Path(__file__).with_name("golden.json")
PROJECTS = (
    "torch",
    "torchvision",
    "torchmetrics",
    "torch-fidelity",
    "lpips",
    "numpy",
    "scipy",
)
SUBSETS = 5
SUBSET_SIZE = 40
SPLITS = 4
# A side that the poolings of all SqueezeNets divide without a rest.
LPIPS_SIZE = 63
LPIPS_LAYERS = (
    "conv1",
    "fire3",
    "fire5",
    "fire6",
    "fire7",
    "fire8",
    "fire9",
)
LPIPS_CHANNELS = (64, 128, 256, 384, 384, 512, 512)
SQUEEZE = (16, 16, 32, 32, 48, 48, 64, 64)
EXPAND = (64, 64, 128, 128, 192, 192, 256, 256)
# Every how many of Inception's outputs is stored.
INCEPTION_STEP = 64


def draw(name, *shape):
    """Normal numbers, the same for the same name."""
    return np.random.default_rng(zlib.crc32(name.encode())).normal(size=shape)


def features():
    """Two sets of correlated features: float32 `(120, 16)`, `(90, 16)`."""
    mix = draw("mix", 16, 16)
    comics = np.abs(draw("comics", 120, 16) @ mix)
    fake_comics = np.abs(draw("fake", 90, 16) @ mix * 1.2 + 0.5)
    return comics.astype("float32"), fake_comics.astype("float32")


def logits():
    """Float32 `(101, 12)`; the splits are not of one size."""
    return (3.0 * draw("logits", 101, 12)).astype("float32")


def images(name, *shape):
    """uint8 pictures with a smooth part."""
    count, height, width = shape
    coarse = draw(name, count, -(-height // 8), -(-width // 8), 3)
    smooth = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    fine = draw(f"{name}, fine", count, height, width, 3)
    return np.clip(128 + 50 * smooth + 20 * fine, 0, 255).astype("uint8")


def subsets():
    """Positions of the subsets of the kernel distance."""
    generator = np.random.default_rng(7)
    return [
        tuple(
            generator.choice(count, SUBSET_SIZE, replace=False)
            for count in (120, 90)
        )
        for _ in range(SUBSETS)
    ]


def convolution(name, shape):
    """Kernel in PyTorch's order of axes, and bias."""
    scale = np.sqrt(2.0 / np.prod(shape[1:]))
    return (
        (scale * draw(name, *shape)).astype("float32"),
        (0.1 * draw(f"{name}, bias", shape[0])).astype("float32"),
    )


def squeeze_net():
    """Dict of SqueezeNet's layers to kernels and biases, PyTorch's order."""
    layers = {"conv1": convolution("conv1", (64, 3, 3, 3))}
    channels = 64
    for number, (squeeze, expand) in enumerate(zip(SQUEEZE, EXPAND), start=2):
        for part, shape in (
            ("squeeze1x1", (squeeze, channels, 1, 1)),
            ("expand1x1", (expand, squeeze, 1, 1)),
            ("expand3x3", (expand, squeeze, 3, 3)),
        ):
            name = f"fire{number}/{part}"
            layers[name] = convolution(name, shape)
        channels = 2 * expand
    return layers


def lpips_heads():
    """Weights of the channels of LPIPS_LAYERS."""
    return [
        np.abs(draw(f"head {n}", channels)).astype("float32")
        for n, channels in enumerate(LPIPS_CHANNELS)
    ]


def inception_array(name, shape):
    """A weight of Inception, by its name in the PyTorch file."""
    values = draw(name, *shape)
    if name.endswith("conv.weight"):
        values *= np.sqrt(2.0 / np.prod(shape[1:]))
    elif name.endswith("running_var") or name.endswith("bn.weight"):
        values = 0.75 + 0.5 / (1.0 + np.exp(-values))
    else:
        values *= 0.1
    return values.astype("float32")


def main():
    golden = {
        "versions": {
            name: importlib.metadata.version(name) for name in PROJECTS
        },
        **feature_metrics(),
        "structural_similarity": structural_similarity(),
        "perceptual_distance": {"lpips": lpips_distances()},
        "inception": inception_outputs(),
        "torch_files": torch_files(),
    }
    GOLDEN.write_text(json.dumps(golden) + "\n", encoding="utf-8")


def feature_metrics():
    """Metrics of features and logits."""
    import torch
    from torch_fidelity import metric_fid
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_prc import prc_features_to_metric
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import poly_mmd

    class Given(torch.nn.Module):
        num_features = 16

        def forward(self, inputs):
            return inputs

    comics, fake_comics = (torch.from_numpy(part) for part in features())
    fid = FrechetInceptionDistance(feature=Given()).set_dtype(torch.float64)
    fid.update(comics, real=True)
    fid.update(fake_comics, real=False)
    statistics = [
        metric_fid.fid_features_to_statistics(part)
        for part in (comics, fake_comics)
    ]
    other_fid = metric_fid.fid_statistics_to_metric(*statistics, False)
    score = isc_features_to_metric(
        torch.from_numpy(logits()), splits=SPLITS, shuffle=False
    )
    covered = prc_features_to_metric(
        # There, what was generated comes first.
        fake_comics,
        comics,
        prc_neighborhood=3,
        prc_batch_size=1000,
        save_cpu_ram=False,
        verbose=False,
    )
    return {
        "frechet_distance": {
            "torchmetrics": float(fid.compute()),
            "torch-fidelity": float(other_fid["frechet_inception_distance"]),
        },
        "kernel_distance": {
            "torchmetrics": [
                float(poly_mmd(comics[i].double(), fake_comics[j].double()))
                for i, j in subsets()
            ]
        },
        "inception_score": {
            "torch-fidelity": [
                float(score["inception_score_mean"]),
                float(score["inception_score_std"]),
            ]
        },
        "precision_recall": {
            "torch-fidelity": [
                float(covered["precision"]),
                float(covered["recall"]),
            ]
        },
    }


def structural_similarity():
    """SSIM of the luminance of two pairs, their mean."""
    import torch
    from torchmetrics.functional import image

    weights = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    first, second = (
        (torch.from_numpy(images(name, 2, 40, 52)).double() @ weights)[:, None]
        for name in ("photos", "comics")
    )
    _, full = image.structural_similarity_index_measure(
        first,
        second,
        sigma=1.5,
        kernel_size=11,
        data_range=255.0,
        return_full_image=True,
    )
    # It reflects the images at their borders and counts what lies there too;
    # the authors, and we, take only where the window lies inside.
    return {"torchmetrics": float(full[..., 5:-5, 5:-5].mean())}


def lpips_distances():
    """LPIPS on SqueezeNet with the weights and heads from above."""
    import lpips
    import torch

    network = lpips.LPIPS(
        net="squeeze", pretrained=False, pnet_rand=True, verbose=False
    )
    convolutions = [
        module
        for module in network.net.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    first, second = (
        torch.from_numpy(images(name, 3, LPIPS_SIZE, LPIPS_SIZE))
        .permute(0, 3, 1, 2)
        .float()
        / 127.5
        - 1.0
        for name in ("photos", "comics")
    )
    with torch.no_grad():
        for module, (kernel, bias) in zip(convolutions, squeeze_net().values()):
            module.weight.copy_(torch.from_numpy(kernel))
            module.bias.copy_(torch.from_numpy(bias))
        for lin, head in zip(network.lins, lpips_heads()):
            lin.model[-1].weight.copy_(
                torch.from_numpy(head).reshape(1, -1, 1, 1)
            )
        network.eval()
        return [float(value) for value in network(first, second).reshape(-1)]


def inception_outputs():
    """Some of the features of the network of 2015, with weights from above."""
    import torch
    from torch_fidelity import feature_extractor_inceptionv3

    class Shapes(feature_extractor_inceptionv3.FeatureExtractorInceptionV3):
        """Tells the names and shapes of its weights, and loads none."""

        def load_state_dict(self, *_):
            self.shapes = {
                name: tuple(value.shape)
                for name, value in self.state_dict().items()
                if not name.endswith("num_batches_tracked")
            }

    layers = ["64", "192", "768", "2048", "logits_unbiased", "logits"]
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "inception.pth")
        torch.save({}, path)
        shapes = Shapes("inception", layers, path).shapes
        arrays = {
            name: torch.from_numpy(inception_array(name, shape))
            for name, shape in shapes.items()
        }
        torch.save(arrays, path)
        extractor = feature_extractor_inceptionv3.FeatureExtractorInceptionV3(
            "inception", layers, path
        )
    pictures = torch.from_numpy(images("inception", 2, 70, 90))
    outputs = extractor(pictures.permute(0, 3, 1, 2))
    return {
        layer: [
            [round(float(value), 6) for value in row[::INCEPTION_STEP]]
            for row in output.double()
        ]
        for layer, output in zip(layers, outputs)
    }


def torch_files():
    """Small files of PyTorch's two forms, in base64."""
    import torch

    tensors = {
        "matrix": torch.arange(6, dtype=torch.float32).reshape(2, 3),
        "transposed": torch.arange(6, dtype=torch.float64).reshape(2, 3).T,
        "part": torch.arange(10)[3:7],
        "scalar": torch.tensor(2.5),
        "parameter": torch.nn.Parameter(torch.ones(2, dtype=torch.float16)),
    }
    contents = {}
    for form, zipped in (("archive", True), ("legacy", False)):
        file = io.BytesIO()
        torch.save(tensors, file, _use_new_zipfile_serialization=zipped)
        contents[form] = base64.b64encode(file.getvalue()).decode()
    return contents


if __name__ == "__main__":
    main()
