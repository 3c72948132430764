# The four losses: docstrings and one-line bodies. Part of _core.pyx; losses.py passes them on, losses.pyi has their
# types.
#
# They are compiled since a Python function with so many keywords costs 250 ns more, most of it for setting those that
# are not given. `*positional` would cost 200 ns: CPython would build a tuple and a dict. The five parameters without a
# name, as many as TensorFlow ever had, are there to refuse a positional call in words.


cdef inline bint is_named(first, second, third, fourth, fifth) noexcept:
    return first is ... and second is ... and third is ... and fourth is ... and fifth is ...


def sigmoid_cross_entropy_with_logits(
    first=..., second=..., third=..., fourth=..., fifth=..., /, *,
    labels=None,
    logits=None,
    targets=None,
    name=None,
    returns="loss",
    reduction="none",
    denominator="weights",
    sample_weight=None,
    where=None,
    label_smoothing=0.0,
    out=None,
    dtype=None,
    num_threads=None,
):
    """Sigmoid cross entropy of every element, for classes that do not exclude one another.

    With ``s(x) = 1 / (1 + exp(-x))``, label z and logit x::

        loss = -z log s(x) - (1 - z) log s(-x)
        grad = s(x) - z
        hess = s(x) s(-x)

    Every argument is given by name.

    Parameters
    ----------
    labels : array_like of real numbers, the shape of `logits`
        Probabilities of the positive class, usually in [0, 1]. Floats of any dtype that `logits` may have are read in
        place, other real dtypes are converted. A label 0 (or 1) takes no part of the other term, also beside an
        infinite logit.
    logits : array_like of float16, bfloat16, float32 or float64, any shape
        Read in place whatever the strides; copied only if byte-swapped, misaligned or of more than 8 axes. Half types
        are computed in float32, and each result is rounded once. bfloat16 comes as an array of ml_dtypes' dtype or as
        a PyTorch tensor.
    targets : array_like
        The older name of `labels`.
    name : object
        Ignored; TensorFlow has it.
    returns : str or tuple of str, default "loss"
        What to compute, in one pass: "loss", "grad" (the derivative by each logit), "hess" (the second derivative),
        "labels_grad" (the derivative by each label), "prob" (s(x)), "log_prob" (its logarithm). The last two depend on
        the logits alone, the others carry every option.
    reduction : "none", "sum" or "mean", default "none"
        "sum" and "mean" give one loss for all; grad, hess and labels_grad are then its derivatives. Sums are taken in
        double in a fixed order.
    denominator : "weights", "rows", "batch" or a number > 0, default "weights"
        What a mean divides by: the sum of `sample_weight` over what is not masked, the number of losses that are not
        masked, the number of all losses, or the number given. It is NaN where that is 0, its derivatives are 0.
    sample_weight : array_like of real numbers, or a number, optional
        Multiplies each loss. It has the axes of the unreduced loss, an extent of 1 being repeated. Where it is exactly
        0, the results are 0 whatever the logits hold.
    where : array_like of bool, or a bool, optional
        False masks a loss: its results are 0 whatever the logits hold. Axes as those of `sample_weight`.
    label_smoothing : float in [0, 1], default 0
        Smoothing e turns a label z into ``(1 - e) z + e / 2``, before any weight.
    out : array, or dict of arrays by name of `returns`, optional
        Where to write: arrays (or PyTorch tensors) of any of the four dtypes and any strides, which decide their own
        dtype. ``{"grad": logits}`` overwrites the logits; any other overlap is refused. The very objects passed are
        returned.
    dtype : float16, "bfloat16", float32 or float64, optional
        Of the arrays that are allocated; the dtype of `logits` by default. float32 gives the loss and gradient of
        half-precision logits before they are rounded.
    num_threads : int, optional
        By default as many as OpenMP would use; small problems take one.

    Returns
    -------
    array, or pyce.Result if `returns` is a tuple
        New arrays in C order with the shape of `logits`; NumPy scalars if that has no axes, and for a reduced loss.

    Raises
    ------
    TypeError
        For a positional argument, for logits of another dtype, for labels that are not real, for masked arrays, for
        tensors that require grad, and for bfloat16 results that would need ml_dtypes where it is not installed.
    ValueError
        If shapes differ, if both spellings of a name are given, for an unknown name in `returns`, an option outside its
        range, and for an `out` that is read-only, overlaps, or has another shape or dtype.

    See Also
    --------
    weighted_cross_entropy_with_logits : with a weight on the positive class.

    Notes
    -----
    The function of the same name in TensorFlow, with TensorFlow's formula: tf.nn.sigmoid_cross_entropy_with_logits.

    Examples
    --------
    >>> import numpy as np, pyce
    >>> logits = np.array([[0.5, 0.7, 0.3], [0.8, 0.2, 0.9]])
    >>> pyce.sigmoid_cross_entropy_with_logits(labels=np.ones((2, 3)), logits=logits)
    array([[0.47407698, 0.40318605, 0.55435524],
           [0.37110067, 0.59813887, 0.34115387]])
    """
    if not is_named(first, second, third, fourth, fifth):
        raise_positional()
    return run_loss(
        PYCE_SIGMOID, labels, targets, logits, None, None, None, returns, out, dtype, num_threads, 0, reduction,
        denominator, sample_weight, where, None, label_smoothing, None, None,
    )


def weighted_cross_entropy_with_logits(
    first=..., second=..., third=..., fourth=..., fifth=..., /, *,
    labels=None,
    logits=None,
    pos_weight=None,
    targets=None,
    name=None,
    returns="loss",
    reduction="none",
    denominator="weights",
    sample_weight=None,
    where=None,
    label_smoothing=0.0,
    out=None,
    dtype=None,
    num_threads=None,
):
    """Sigmoid cross entropy of every element, with a weight on the positive class.

    With ``s(x) = 1 / (1 + exp(-x))``, label z, logit x and positive weight q::

        loss = -q z log s(x) - (1 - z) log s(-x)
        grad = (1 - z) s(x) - q z s(-x)
        hess = (q z + 1 - z) s(x) s(-x)

    A weight above 1 makes missed positives dearer (recall), one below 1 makes false alarms dearer (precision).
    Every argument is given by name.

    Parameters
    ----------
    labels, logits, targets, name, returns, reduction, denominator, sample_weight, where, label_smoothing
        As for `sigmoid_cross_entropy_with_logits`.
    out, dtype, num_threads
        As for `sigmoid_cross_entropy_with_logits`.
    pos_weight : array_like of real numbers, or a number
        The weight q. It broadcasts onto `logits` by NumPy's rules and may not enlarge the result.

    Returns
    -------
    array, or pyce.Result if `returns` is a tuple
        New arrays in C order with the shape of `logits`; NumPy scalars if that has no axes, and for a reduced loss.

    Raises
    ------
    TypeError
        As for `sigmoid_cross_entropy_with_logits`; also if `pos_weight` is missing or not real.
    ValueError
        As for `sigmoid_cross_entropy_with_logits`; also if `pos_weight` would enlarge the result.

    See Also
    --------
    sigmoid_cross_entropy_with_logits : the same with a weight of 1.

    Notes
    -----
    The function of the same name in TensorFlow, with TensorFlow's formula: tf.nn.weighted_cross_entropy_with_logits.

    Examples
    --------
    >>> import numpy as np, pyce
    >>> logits = np.array([[0.5, 0.7, 0.3], [0.8, 0.2, 0.9]])
    >>> pyce.weighted_cross_entropy_with_logits(labels=np.ones((2, 3)), logits=logits, pos_weight=0.2)
    array([[0.0948154 , 0.08063721, 0.11087105],
           [0.07422013, 0.11962777, 0.06823077]])
    """
    if not is_named(first, second, third, fourth, fifth):
        raise_positional()
    return run_loss(
        PYCE_WEIGHTED, labels, targets, logits, pos_weight, None, None, returns, out, dtype, num_threads, 0,
        reduction, denominator, sample_weight, where, None, label_smoothing, None, None,
    )


def softmax_cross_entropy_with_logits(
    first=..., second=..., third=..., fourth=..., fifth=..., /, *,
    labels=None,
    logits=None,
    axis=DEFAULT_AXIS,
    dim=None,
    name=None,
    returns="loss",
    reduction="none",
    denominator="weights",
    sample_weight=None,
    where=None,
    class_weight=None,
    label_smoothing=0.0,
    out=None,
    dtype=None,
    num_threads=None,
):
    """Softmax cross entropy of every row, with a probability for each class as label.

    With ``p = softmax(x)``, labels t and their sum S::

        loss   = -sum_j t_j log p_j
        grad_j = S p_j - t_j
        hess_j = S p_j (1 - p_j)        the exact diagonal of the Hessian
        lse    = log sum_j exp(x_j)

    The logits go in as they are: softmax is part of the loss. Every argument is given by name.

    Parameters
    ----------
    labels : array_like of real numbers, the shape of `logits`
        One distribution for each row; an axis other than the class axis may be 1 and is then shared. Rows that do not
        add up to 1 keep the right gradient. Floats of any dtype that `logits` may have are read in place, other real
        dtypes are converted.
    logits : array_like of float16, bfloat16, float32 or float64, shape (..., C, ...)
        Read in place whatever the strides; copied only if byte-swapped, misaligned or of more than 8 axes. Half types
        are computed in float32, and each result is rounded once. bfloat16 comes as an array of ml_dtypes' dtype or as
        a PyTorch tensor.
    axis : int, default -1
        The class axis.
    dim : int
        The older name of `axis`.
    name : object
        Ignored; TensorFlow has it.
    returns : str or tuple of str, default "loss"
        What to compute, in one pass: "loss", "grad", "hess", "labels_grad" (the derivative by each label), "lse",
        "prob" (p), "log_prob" (its logarithm), "correct" (bool: the first of the greatest logits has the first of the
        greatest labels). The last four depend on logits and labels alone, the others carry every option.
    reduction : "none", "sum" or "mean", default "none"
        "sum" and "mean" give one loss for all; grad, hess and labels_grad are then its derivatives. Sums are taken in
        double in a fixed order.
    denominator : "weights", "rows", "batch" or a number > 0, default "weights"
        What a mean divides by: the sum of `sample_weight` over what is not masked, the number of losses that are not
        masked, the number of all losses, or the number given. It is NaN where that is 0, its derivatives are 0.
    sample_weight : array_like of real numbers, or a number, optional
        Multiplies each loss. It has the axes of the unreduced loss, an extent of 1 being repeated. Where it is exactly
        0, the results are 0 whatever the logits hold.
    where : array_like of bool, or a bool, optional
        False masks a loss: its results are 0 whatever the logits hold. Axes as those of `sample_weight`.
    class_weight : array_like of real numbers, shape (C,), optional
        Multiplies the label of each class.
    label_smoothing : float in [0, 1], default 0
        Smoothing e turns labels t into ``(1 - e) t + e / C``, before class weights.
    out : array, or dict of arrays by name of `returns`, optional
        Where to write: arrays (or PyTorch tensors) of any of the four dtypes and any strides, which decide their own
        dtype. ``{"grad": logits}`` overwrites the logits; any other overlap is refused. The very objects passed are
        returned.
    dtype : float16, "bfloat16", float32 or float64, optional
        Of the arrays that are allocated; the dtype of `logits` by default. float32 gives the loss and gradient of
        half-precision logits before they are rounded.
    num_threads : int, optional
        By default as many as OpenMP would use; small problems take one.

    Returns
    -------
    array, or pyce.Result if `returns` is a tuple
        New arrays in C order: loss, lse and correct without the class axis, the others with the shape of `logits`;
        NumPy scalars where no axis is left, and for a reduced loss.

    Raises
    ------
    TypeError
        For a positional argument, for logits of another dtype, for labels that are not real, for masked arrays, for
        tensors that require grad, and for bfloat16 results that would need ml_dtypes where it is not installed.
    ValueError
        If shapes do not fit, if there are rows but no classes, if both spellings of a name are given, for an unknown
        name in `returns`, an option outside its range, and for an `out` that is read-only, overlaps, or has another
        shape or dtype.
    numpy.exceptions.AxisError
        If the logits have no such axis.

    See Also
    --------
    sparse_softmax_cross_entropy_with_logits : the same with one class index for each row.

    Notes
    -----
    The function of the same name in TensorFlow: tf.nn.softmax_cross_entropy_with_logits. Its gradient is p - t, which
    is the derivative only where the labels add up to 1.

    Examples
    --------
    >>> import numpy as np, pyce
    >>> logits = np.array([[2.0, 0.5, 1.0], [0.1, 1.0, 3.0]])
    >>> labels = np.array([[0.2, 0.3, 0.5], [0.1, 0.6, 0.3]])
    >>> pyce.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    array([1.41436878, 1.66425453])
    """
    if not is_named(first, second, third, fourth, fifth):
        raise_positional()
    return run_loss(
        PYCE_SOFTMAX, labels, None, logits, None, axis, dim, returns, out, dtype, num_threads, 0, reduction,
        denominator, sample_weight, where, class_weight, label_smoothing, None, None,
    )


def sparse_softmax_cross_entropy_with_logits(
    first=..., second=..., third=..., fourth=..., fifth=..., /, *,
    labels=None,
    logits=None,
    axis=DEFAULT_AXIS,
    dim=None,
    name=None,
    returns="loss",
    reduction="none",
    denominator="weights",
    sample_weight=None,
    where=None,
    class_weight=None,
    label_smoothing=0.0,
    ignore_index=None,
    out=None,
    dtype=None,
    num_threads=None,
):
    """Softmax cross entropy of every row, with the index of the one right class as label.

    With ``p = softmax(x)`` and label k::

        loss   = -log p_k
        grad_j = p_j - (1 if j == k else 0)
        hess_j = p_j (1 - p_j)          the exact diagonal of the Hessian
        lse    = log sum_j exp(x_j)

    The logits go in as they are: softmax is part of the loss. Every argument is given by name.

    Parameters
    ----------
    labels : array_like of any integer dtype, the shape of `logits` without the class axis
        Class indices, 0 to C - 1. Read in place.
    logits, axis, dim, name, returns, reduction, sample_weight, where, out, dtype, num_threads
        As for `softmax_cross_entropy_with_logits`; there is no "labels_grad", and "correct" tells whether the label is
        the first of the greatest logits.
    denominator : "weights", "rows", "batch" or a number > 0, default "weights"
        As there, but "weights" counts each row with its class weight too.
    class_weight : array_like of real numbers, shape (C,), optional
        Multiplies each loss by the weight of its label's class. With `label_smoothing` it multiplies the smoothed
        labels, class by class.
    label_smoothing : float in [0, 1], default 0
        Smoothing e takes e of the label away and spreads it evenly over all C classes.
    ignore_index : int, optional
        Rows with this label are masked, like those where `where` is False. It need not be a class index, but must fit
        int64.

    Returns
    -------
    array, or pyce.Result if `returns` is a tuple
        New arrays in C order: loss, lse and correct without the class axis, the others with the shape of `logits`;
        NumPy scalars where no axis is left, and for a reduced loss.

    Raises
    ------
    TypeError
        As for `softmax_cross_entropy_with_logits`; also for float or bool labels.
    ValueError
        As for `softmax_cross_entropy_with_logits`; also for a label outside 0 to C - 1 in a row that is not
        masked, with its index, its value and the range. No output has been touched then.
    numpy.exceptions.AxisError
        If the logits have no such axis.

    See Also
    --------
    softmax_cross_entropy_with_logits : the same with a probability for each class.

    Notes
    -----
    The function of the same name in TensorFlow: tf.nn.sparse_softmax_cross_entropy_with_logits, which has no axis
    and gives NaN for a label out of range on some devices.

    Examples
    --------
    >>> import numpy as np, pyce
    >>> logits = np.array([[2.0, 0.5, 1.0], [0.1, 1.0, 3.0]])
    >>> pyce.sparse_softmax_cross_entropy_with_logits(labels=[1, 2], logits=logits)
    array([1.96436878, 0.17425453])
    """
    if not is_named(first, second, third, fourth, fifth):
        raise_positional()
    return run_loss(
        PYCE_SPARSE_SOFTMAX, labels, None, logits, None, axis, dim, returns, out, dtype, num_threads, 0, reduction,
        denominator, sample_weight, where, class_weight, label_smoothing, ignore_index, None,
    )
