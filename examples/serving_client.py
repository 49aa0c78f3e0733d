"""Asks a server for comics: the local one, or TensorFlow Serving.

    keras-comic serve adain_storybook
    python examples/serving_client.py http://localhost:8501
    python examples/serving_client.py http://localhost:8501 -o comics
    python examples/serving_client.py localhost:8500 --photos holiday -o comics
    python examples/serving_client.py localhost:8500 --video in.mp4 -o out.mp4

The first line starts the local server at port 8501, the others run beside it;
those with port 8500 ask TensorFlow Serving over gRPC. Without photos, a
photograph of scikit-image is sent, once for each of the model's styles, and
once for a mix of two. The same call again goes on with a folder that was
interrupted.
"""

import argparse
import pathlib
import time

from PIL import Image
from skimage import data

import keras_comic

SIDE = 384


def stylize_sample(client, folder):
    """Writes a photograph in every style of the model.

    Args:
        client: `keras_comic.serving.Client`.
        folder: Path of the folder for the comics.

    Returns:
        Dict of a comic's name to the seconds its request took.
    """
    photo = data.astronaut()[:SIDE, 64 : SIDE + 64]
    names = client.style_names
    wishes = {name: {"style": name} for name in names}
    if len(names) > 1:
        mix = {name: 0.5 for name in names[:2]}
        wishes["mix"] = {"style": mix, "keep_color": True}
    folder.mkdir(parents=True, exist_ok=True)
    seconds = {}
    for name, wish in wishes.items():
        start = time.perf_counter()
        comic = client.stylize(photo, **wish)
        seconds[name] = time.perf_counter() - start
        Image.fromarray(comic).save(folder / f"{name}.png")
    return seconds


def show_progress(done, total):
    """Prints how far the work is.

    Args:
        done: Integer.
        total: Integer or `None`.
    """
    print(f"\r{done} of {total or '?'}", end="", flush=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "address", help="host:8500 (gRPC) or http://host:8501 (HTTP)"
    )
    parser.add_argument("--model", default="comic")
    parser.add_argument("--token", help="what the server asks for")
    parser.add_argument("--style", help="of photos and videos")
    parser.add_argument("--photos", help="a photo, or a folder of photos")
    parser.add_argument("--video")
    parser.add_argument(
        "-o",
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("outputs", "serving_client"),
    )
    options = parser.parse_args(arguments)
    with keras_comic.serving.Client(
        options.address, options.model, token=options.token
    ) as client:
        client.wait_until_ready(30.0)
        if options.video:
            done = client.stylize_video(
                options.video,
                options.output,
                options.style,
                progress=show_progress,
            )
            print(f"\nWrote {done.num_frames} frames to {done.output}")
        elif options.photos:
            done = client.stylize_files(
                options.photos,
                options.output,
                options.style,
                progress=show_progress,
            )
            print(f"\nWrote {len(done.written)} comics to {options.output}")
            for path, reason in done.failures:
                print(f"{path}: {reason}")
        else:
            for name, seconds in stylize_sample(client, options.output).items():
                print(f"{name}: {1000 * seconds:.0f} ms")
            print(f"Wrote them to {options.output}")


if __name__ == "__main__":
    main()
