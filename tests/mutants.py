"""Damaged model files by the thousand: `python tests/mutants.py --count 5000 --seed 1`.

Each is a good file with a few bits flipped, bytes overwritten or a piece cut out. Whatever the HDF5
library makes of it, reading ends with a model or with one line.
"""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import rnnsym
from rnnsym.frameworks.keras import hdf5


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Damaged copies of some bytes."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        mutant = bytearray(data)
        kind = rng.integers(4)
        # Most of a small file is empty or holds numbers; structure stands where bytes are not zero.
        places = np.flatnonzero(np.frombuffer(data, np.uint8)) if rng.random() < 0.8 else len(data)
        for place in rng.choice(places, int(rng.integers(1, 6))):
            if kind < 2:
                mutant[place] ^= 1 << int(rng.integers(8))
            else:
                mutant[place] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)]))
        if kind == 3:
            start, length = int(rng.integers(len(data))), int(rng.integers(1, 64))
            del mutant[start : start + length]
        yield bytes(mutant)


def outcome(path: Path) -> str:
    """What becomes of a file: "read", or the reason why not."""
    try:
        rnnsym.from_keras(path)
    except rnnsym.InputError as error:
        text = str(error)
        assert "\n" not in text and str(path) in text
        return text.removeprefix(f"{path}: ")
    return "read"


def good_files(folder: Path) -> list[Path]:
    """A small model as Keras writes it, in both formats."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((None, 2)),
            keras.layers.LSTM(3),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(1),
        ]
    )
    paths = [folder / "good.h5", folder / "good.keras"]
    for path in paths:
        model.save(path)
    return paths


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0, help="limit for one file")
    options = parser.parse_args()
    hdf5.SECONDS = options.seconds
    with tempfile.TemporaryDirectory() as folder:
        for good in good_files(Path(folder)):
            kinds: collections.Counter[str] = collections.Counter()
            for n, data in enumerate(mutants(good.read_bytes(), options.count, options.seed)):
                path = Path(folder) / f"mutant{good.suffix}"
                path.write_bytes(data)
                found = outcome(path)
                kinds[" ".join(found.split()[:5])] += 1
                if "come to an end" in found or "memory" in found:
                    print(f"{good.suffix} mutant {n}: {found}", flush=True)
            print(f"{good.suffix}: {options.count} mutants, seed {options.seed}")
            for words, count in kinds.most_common(12):
                print(f"  {count:6} {words}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
