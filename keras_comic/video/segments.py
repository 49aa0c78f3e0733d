"""Keeps what is done of a long conversion, so that it can go on."""

import json
import os
import re
import shutil

import numpy as np

from keras_comic.video.packet import Packet

MANIFEST = "manifest.json"
SEGMENT = "segment_{:06d}.npz"
STATE = "state_{:06d}.npz"
VERSION = 1
# The number of the state before the first segment.
_PREPARED = 0


class Segments:
    """The finished pieces of a conversion, in a folder."""

    def __init__(self, folder, key, resume):
        self.folder = folder
        self.num_segments = self.num_frames = 0
        self.last = None
        key = json.loads(json.dumps({"version": VERSION, **key}))
        if folder.exists():
            self._find(key, resume)
        if not self.num_segments and not self.has_state():
            if folder.exists():
                self.remove()
            folder.mkdir(parents=True)
            text = json.dumps(key, indent=2, sort_keys=True) + "\n"
            self._write(MANIFEST, lambda file: file.write(text.encode()))

    def _find(self, key, resume):
        names = sorted(os.listdir(self.folder))
        for name in names:
            if not re.fullmatch(
                r"manifest\.json|(segment|state)_\d{6}\.npz|\.partial\..*", name
            ):
                raise ValueError(
                    "The folder for unfinished work holds other files; move "
                    f"them away. Received: {self.folder / name}"
                )
        if MANIFEST not in names:
            # It is deleted first.
            return
        while SEGMENT.format(self.num_segments + 1) in names:
            self.num_segments += 1
        if not self.num_segments and not self.has_state():
            return
        if not self.has_state():
            raise ValueError(
                "The unfinished work lacks the stylizer's state; delete the "
                f"folder to begin anew. Received: {self.folder}"
            )
        found = json.loads((self.folder / MANIFEST).read_text())
        different = sorted(
            name for name in {*found, *key} if found.get(name) != key.get(name)
        )
        if different and resume:
            raise ValueError(
                f"The unfinished work in {self.folder} is of something else "
                f"({', '.join(different)} differ). Delete the folder to begin "
                "anew. Received: "
                + ", ".join(
                    f"{name}={key.get(name)} (was {found.get(name)})"
                    for name in different
                )
            )
        for number in range(1, self.num_segments + 1):
            with self._open(SEGMENT.format(number)) as arrays:
                self.num_frames += int(arrays["num_frames"])
                self.last = int(arrays["last"])
        if self.num_segments and not resume:
            raise ValueError(
                f"There is unfinished work in {self.folder} "
                f"({self.num_frames} frames). Go on with it by `resume=True`, "
                "or delete the folder to begin anew. Received: resume=False"
            )
        if not resume:
            os.unlink(self.folder / STATE.format(_PREPARED))

    def has_state(self):
        """Whether the state at the end of the last piece is kept."""
        return (self.folder / STATE.format(self.num_segments)).exists()

    def state(self):
        """The stylizer's state at the end of the last piece."""
        with self._open(STATE.format(self.num_segments)) as arrays:
            return dict(arrays)

    def keep_prepared(self, state):
        """Keeps the state before the first frame."""
        self._write_arrays(STATE.format(_PREPARED), state)

    def add(self, packets, num_frames, last, state):
        """Keeps a piece."""
        number = self.num_segments + 1
        self._write_arrays(STATE.format(number), state)
        arrays = {
            "data": np.frombuffer(b"".join(p.data for p in packets), "uint8"),
            "lengths": np.array([len(p.data) for p in packets], "int64"),
            "pts": np.array([p.pts for p in packets], "int64"),
            "dts": np.array([p.dts for p in packets], "int64"),
            "is_key": np.array([p.is_key for p in packets], bool),
            "num_frames": np.array(num_frames),
            "last": np.array(last),
        }
        self._write_arrays(SEGMENT.format(number), arrays)
        before = self.folder / STATE.format(self.num_segments)
        before.unlink(missing_ok=True)
        self.num_segments, self.last = number, last
        self.num_frames += num_frames

    def pieces(self):
        """Reads the pieces, one at a time."""
        for number in range(1, self.num_segments + 1):
            with self._open(SEGMENT.format(number)) as arrays:
                data = arrays["data"]
                ends = np.cumsum(arrays["lengths"])
                starts = ends - arrays["lengths"]
                pts, dts = arrays["pts"].tolist(), arrays["dts"].tolist()
                is_key = arrays["is_key"].tolist()
            yield [
                Packet(data[start:end].tobytes(), *rest)
                for start, end, *rest in zip(starts, ends, pts, dts, is_key)
            ]

    def remove(self):
        """Deletes the folder."""
        (self.folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.folder)

    def _open(self, name):
        return np.load(self.folder / name, allow_pickle=False)

    def _write_arrays(self, name, arrays):
        arrays = {str(key): value for key, value in arrays.items()}
        self._write(name, lambda file: np.savez(file, **arrays))

    def _write(self, name, write):
        partial = self.folder / f".partial.{name}"
        try:
            with open(partial, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self.folder / name)
        except OSError:
            # Of a full disk, nothing is taken by what is of no use.
            partial.unlink(missing_ok=True)
            raise
