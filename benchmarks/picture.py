"""The picture of a run: a square for each cell, coloured by best peer / pyce on the left, by the limit on the right."""

import itertools
import math
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from cells import OUTPUTS, format_shape, format_threads
from matplotlib import colors
from matplotlib.figure import Figure
from report import Line, is_measured, rate

SHORT = {"loss": "loss", "grad": "+ grad", "inplace": "in place"}
RATIO_SPAN = 8  # the colours of the ratio end at this factor, on a logarithmic scale
UNMEASURED = "0.9"


def fill(lines: list[Line], shapes: list[str], columns: list[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ratios and the fractions of a panel, NaN where there is none."""
    ratios = np.full((len(shapes), len(columns)), math.nan)
    fractions = ratios.copy()
    for line in filter(is_measured, lines):
        place = shapes.index(format_shape(line["shape"], line["axis"])), columns.index((line["loss"], line["outputs"]))
        _, ratios[place], fractions[place] = rate(line)
    return ratios, fractions


def draw_panel(axes: Any, values: np.ndarray, norm: Any, colormap: str) -> Any:
    """Draw one panel, with the number in each square."""
    palette = matplotlib.colormaps[colormap].with_extremes(bad=UNMEASURED)
    image = axes.imshow(np.ma.masked_invalid(values), norm=norm, cmap=palette, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if math.isnan(value):
            continue
        red, green, blue, _ = palette(norm(value))
        dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
        text = f"{value:.2f}" if value < 9.995 else f"{value:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color="white" if dark else "black")
    return image


def label(axes: Any, shapes: list[str], columns: list[tuple[str, str]], left: bool) -> None:
    """Write the shapes on the left side, and the losses and outputs below."""
    axes.set_yticks(range(len(shapes)), shapes if left else [], fontsize=7)
    names = [f"{loss} {SHORT[outputs]}" for loss, outputs in columns]
    axes.set_xticks(range(len(columns)), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=7)
    axes.tick_params(length=0)
    for place in range(1, len(columns)):
        if columns[place][0] != columns[place - 1][0]:
            axes.axvline(place - 0.5, color="white", linewidth=2)


def draw(lines: list[Line], path: Path) -> None:
    """Draw the cells, with a pair of panels for each number of threads and dtype, and write the file."""
    shapes = list(dict.fromkeys(format_shape(line["shape"], line["axis"]) for line in lines))
    pairs = dict.fromkeys((line["loss"], line["outputs"]) for line in lines)
    losses = list(dict.fromkeys(loss for loss, _ in pairs))
    columns = [pair for pair in itertools.product(losses, OUTPUTS) if pair in pairs]
    groups = [list(group) for _, group in itertools.groupby(lines, key=lambda line: (line["threads"], line["dtype"]))]
    size = max(7, 2.5 + 0.9 * len(columns)), max(1, len(groups)) * (1.3 + 0.22 * len(shapes)) + 0.8
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(max(1, len(groups)), 2, squeeze=False)
    scales = colors.LogNorm(1 / RATIO_SPAN, RATIO_SPAN), colors.Normalize(0, 1)
    images: list[Any] = [None, None]
    for group, pair in zip(groups, panels, strict=False):
        title = f"{group[0]['dtype']}, {format_threads(group[0]['threads'])}"
        values = fill(group, shapes, columns)
        for side, words in enumerate(("best peer / pyce", "fraction of the limit")):
            images[side] = draw_panel(pair[side], values[side], scales[side], ("PuOr", "cividis")[side])
            label(pair[side], shapes, columns, left=side == 0)
            pair[side].set_title(f"{title}: {words}", fontsize=9)
    for side, image in enumerate(images):
        if image is not None:
            bar = figure.colorbar(image, ax=panels[:, side], location="top", aspect=40, extend=("both", "max")[side])
            bar.ax.tick_params(labelsize=7)
    ticks = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]
    if images[0] is not None:
        images[0].colorbar.set_ticks(ticks, labels=["1/8", "1/4", "1/2", "1", "2", "4", "8"])
        images[0].colorbar.minorticks_off()
    figure.savefig(path, dpi=120)
