"""Arrays of more axes than the library walks (8): copied into (rows, classes) or (elements,), computed, copied back.

This is the one case beside foreign dtypes in which the logits are copied. The extension calls it; nobody else does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyce._intake import Array, as_array, as_out, shape_error

PER_ROW = ("loss", "lse", "correct")
Options = tuple[Any, ...]  # in the order of _options.pxi


def evaluate_folded(
    evaluate: Callable[[Any, Any, Any, int, dict[str, Any], Options | None], list[Array]],
    rule: str,
    arrays: tuple[Any, Any, Any],
    axis: int | None,
    names: tuple[str, ...],
    out: dict[str, Any] | None,
    options: Options | None,
) -> list[Any]:
    """Run `evaluate(labels, logits, pos_weight, axis, out, options)` on folded arrays; `axis` is None if binary."""
    labels = None if arrays[0] is None else as_array(arrays[0], "labels")
    logits = as_array(arrays[1], "logits")
    pos_weight = None if arrays[2] is None else as_array(arrays[2], "pos_weight")
    full = logits.shape
    last = logits.ndim - 1
    reduced = full if axis is None else full[:axis] + full[axis + 1 :]

    def fold(array: Array, per_row: bool = False) -> Array:
        if axis is None or per_row or array.ndim == 0:
            return array.reshape(-1) if array.ndim else array
        return np.moveaxis(array, axis, last).reshape(int(np.prod(reduced)), full[axis])

    def fold_losses(value: Any, name: str) -> Any:
        if value is None:
            return None
        array = as_array(value, name)
        if array.ndim and not (array.ndim == len(reduced) and _fits_onto(array.shape, reduced)):
            raise shape_error(name, "losses", array.shape, full, -1 if axis is None else axis)
        return fold(np.broadcast_to(array, reduced, subok=True), True) if array.ndim else array

    if labels is not None:
        _check_labels(rule, labels.shape, full, axis)
        labels = fold(np.broadcast_to(labels, reduced if rule == "reduced" else full, subok=True), rule == "reduced")
    if pos_weight is not None:
        if not _fits_onto(pos_weight.shape, full):
            raise shape_error("pos_weight", "onto", pos_weight.shape, full, -1)
        pos_weight = fold(np.broadcast_to(pos_weight, full, subok=True))
    is_reduced = options is not None and options[0] != "none"
    inputs = {"labels": arrays[0], "logits": logits, "pos_weight": arrays[2]}
    if options is not None:
        reduction, denominator, sample_weight, where, class_weight, smoothing, ignore_index, vector = options
        inputs |= {"sample_weight": sample_weight, "where": where, "class_weight": class_weight, "vector": vector}
        if class_weight is not None and axis is not None:
            class_weight = as_array(class_weight, "class_weight")
            if class_weight.shape != full[axis : axis + 1]:
                raise shape_error("class_weight", "classes", class_weight.shape, full, axis)
        if vector is not None:
            vector = as_array(vector, "vector")
            if vector.shape != full:
                raise shape_error("vector", "same", vector.shape, full, -1)
            vector = fold(vector)
        options = (
            reduction, denominator, fold_losses(sample_weight, "sample_weight"), fold_losses(where, "where"),
            class_weight, smoothing, ignore_index, vector,
        )  # fmt: skip

    shapes = {name: reduced if name in PER_ROW else full for name in names}
    if is_reduced and "loss" in shapes:
        shapes["loss"] = ()
    targets = {name: _target(out, name, shape) for name, shape in shapes.items()}
    _check_overlap(targets, inputs)
    scratch = {
        name: np.empty_like(fold(target, name in PER_ROW)) for name, target in targets.items() if target is not None
    }
    values = evaluate(labels, fold(logits), pos_weight, 0 if axis is None else 1, scratch, options)

    results: list[Any] = []
    for name, value in zip(names, values, strict=True):
        if axis is None or name in PER_ROW:
            unfolded = np.reshape(value, shapes[name])
        else:
            unfolded = np.moveaxis(value.reshape(*reduced, full[axis]), last, axis)
        target = targets[name]
        if target is None or out is None:
            results.append(np.ascontiguousarray(unfolded) if unfolded.ndim else unfolded[()])
        else:
            target[...] = unfolded
            results.append(out[name])
    return results


def _check_labels(rule: str, got: tuple[int, ...], full: tuple[int, ...], axis: int | None) -> None:
    expected = full if rule != "reduced" else tuple(n for i, n in enumerate(full) if i != axis)
    fits = len(got) == len(expected) and all(
        have == want or (rule == "rows" and have == 1 and i != axis)
        for i, (have, want) in enumerate(zip(got, expected, strict=True))
    )
    if not fits:
        raise shape_error("labels", rule, got, full, -1 if axis is None else axis)


def _check_overlap(targets: dict[str, Array | None], inputs: dict[str, Any]) -> None:
    """Outputs share memory with nothing, but grad may lie on the very logits: the library's rule."""
    others = {name: as_array(value, name) for name, value in inputs.items() if value is not None}
    for name, target in targets.items():
        if target is None:
            continue
        if _overlaps_itself(target):
            raise ValueError(f"out for {name}: its strides let elements overlap each other")
        for other_name, other in others.items():
            in_place = name == "grad" and other_name == "logits" and _is_same_memory(target, other)
            if np.may_share_memory(target, other) and not in_place:
                raise ValueError(f"out for {name} overlaps {other_name} in memory")
        others[name] = target


def _overlaps_itself(array: Array) -> bool:
    """Whether two elements share memory: sorted by stride, each axis must step over all the smaller ones."""
    covered = array.itemsize - 1
    for stride, extent in sorted((abs(s), n) for s, n in zip(array.strides, array.shape, strict=True) if n > 1):
        if stride <= covered:
            return True
        covered += (extent - 1) * stride
    return False


def _is_same_memory(a: Array, b: Array) -> bool:
    return a.ctypes.data == b.ctypes.data and a.strides == b.strides and a.dtype == b.dtype


def _fits_onto(got: tuple[int, ...], full: tuple[int, ...]) -> bool:
    pairs = zip(reversed(got), reversed(full), strict=False)
    return len(got) <= len(full) and all(have in (1, want) for have, want in pairs)


def _target(out: dict[str, Any] | None, name: str, shape: tuple[int, ...]) -> Array | None:
    value = None if out is None else out.get(name)
    if value is None:
        return None
    out_name = f"out for {name}"
    target = as_out(value, out_name)
    if target.shape != shape:
        raise ValueError(f"{out_name} must have shape {shape}, got {target.shape}")
    if not target.flags.writeable:
        raise ValueError(f"{out_name} is read-only")
    return target
