"""Write scikit-learn's handwritten digits to a binary file, for perceptron.c.

    python digits.py digits.bin         (needs scikit-learn)

Five 32-bit integers (a mark, rows to train with, rows held out, features, classes), then the features of all rows as
float32, then their labels as 32-bit integers; everything in the byte order of this machine.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

MARK = 0x64696769
HELD_OUT = 297


def write_digits(path: Path) -> None:
    """Write the 1797 digits of 8 x 8 pixels, shuffled, their brightness scaled to [0, 1]."""
    features, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    head = np.array([MARK, len(labels) - HELD_OUT, HELD_OUT, features.shape[1], 10], np.int32)
    with path.open("wb") as file:
        for part in head, (features[order] / 16).astype(np.float32), labels[order].astype(np.int32):
            file.write(part.tobytes())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python digits.py FILE")
    write_digits(Path(sys.argv[1]))
