# The public functions on typed memoryviews that _core.pxd declares. Part of _core.pyx.
#
# Each fills a pyce_args from the views' pointers and strides and calls pyce_compute, without the GIL. The functions of
# losses.py do not pass through them: acquiring a memoryview costs more than all the rest of a small call.


cdef int sparse_softmax_rows(const real[:, :] logits, const index[:] labels, real[:] loss, real[:, :] grad,
                             int num_threads) except -1 nogil:
    cdef pyce_args args = pyce_args_init()
    set_rows(&args, PYCE_SPARSE_SOFTMAX, logits, loss, grad, num_threads)
    args.labels.data = &labels[0]
    args.labels.dtype = index_dtype(sizeof(index), <index>-1 < <index>1)
    set_view(&args, args.labels.stride, args.labels.data, 1, labels.shape, labels.strides, sizeof(index), b"labels")
    return run_views(&args)


cdef int softmax_rows(const real[:, :] logits, const real[:, :] labels, real[:] loss, real[:, :] grad,
                      int num_threads) except -1 nogil:
    cdef pyce_args args = pyce_args_init()
    set_rows(&args, PYCE_SOFTMAX, logits, loss, grad, num_threads)
    args.labels.data = &labels[0, 0]
    args.labels.dtype = args.logits.dtype
    set_view(&args, args.labels.stride, args.labels.data, 2, labels.shape, labels.strides, sizeof(real), b"labels")
    return run_views(&args)


cdef int sigmoid_elements(const real[:] logits, const real[:] labels, real[:] loss, real[:] grad,
                          int num_threads) except -1 nogil:
    cdef pyce_args args = pyce_args_init()
    set_elements(&args, PYCE_SIGMOID, logits, labels, loss, grad, num_threads)
    return run_views(&args)


cdef int weighted_elements(const real[:] logits, const real[:] labels, double pos_weight, real[:] loss, real[:] grad,
                           int num_threads) except -1 nogil:
    cdef pyce_args args = pyce_args_init()
    set_elements(&args, PYCE_WEIGHTED, logits, labels, loss, grad, num_threads)
    args.pos_weight = pyce_input_2d(&pos_weight, PYCE_FLOAT64, 0, 0)
    return run_views(&args)


cdef int set_rows(pyce_args *args, int kind, const real[:, :] logits, real[:] loss, real[:, :] grad,
                  int num_threads) except -1 nogil:
    """Everything of a softmax loss but its labels."""
    cdef pyce_dtype dtype = PYCE_FLOAT32 if real is float else PYCE_FLOAT64
    args.loss_kind = kind
    args.num_threads = num_threads
    args.ndim = 2
    args.axis = 1
    args.shape[0] = logits.shape[0]
    args.shape[1] = logits.shape[1]
    args.logits.data = &logits[0, 0]
    args.logits.dtype = dtype
    set_view(args, args.logits.stride, args.logits.data, 2, logits.shape, logits.strides, sizeof(real), b"logits")
    if loss is not None:
        args.loss.data = &loss[0]
        args.loss.dtype = dtype
        set_view(args, args.loss.stride, args.loss.data, 1, loss.shape, loss.strides, sizeof(real), b"loss")
    if grad is not None:
        args.grad.data = &grad[0, 0]
        args.grad.dtype = dtype
        set_view(args, args.grad.stride, args.grad.data, 2, grad.shape, grad.strides, sizeof(real), b"grad")
    return 0


cdef int set_elements(pyce_args *args, int kind, const real[:] logits, const real[:] labels, real[:] loss,
                      real[:] grad, int num_threads) except -1 nogil:
    """Everything of a binary loss but its weight."""
    cdef pyce_dtype dtype = PYCE_FLOAT32 if real is float else PYCE_FLOAT64
    args.loss_kind = kind
    args.num_threads = num_threads
    args.ndim = 1
    args.shape[0] = logits.shape[0]
    args.logits.data = &logits[0]
    args.logits.dtype = dtype
    set_view(args, args.logits.stride, args.logits.data, 1, logits.shape, logits.strides, sizeof(real), b"logits")
    args.labels.data = &labels[0]
    args.labels.dtype = dtype
    set_view(args, args.labels.stride, args.labels.data, 1, labels.shape, labels.strides, sizeof(real), b"labels")
    if loss is not None:
        args.loss.data = &loss[0]
        args.loss.dtype = dtype
        set_view(args, args.loss.stride, args.loss.data, 1, loss.shape, loss.strides, sizeof(real), b"loss")
    if grad is not None:
        args.grad.data = &grad[0]
        args.grad.dtype = dtype
        set_view(args, args.grad.stride, args.grad.data, 1, grad.shape, grad.strides, sizeof(real), b"grad")
    return 0


cdef int set_view(const pyce_args *args, int64_t *stride, const void *data, int ndim, const Py_ssize_t *shape,
                  const Py_ssize_t *strides, Py_ssize_t size, const char *name) except -1 nogil:
    """Strides in elements from a view's strides in bytes; the view covers the first `ndim` axes of the call."""
    cdef uintptr_t bits = <uintptr_t>data
    cdef int i
    for i in range(ndim):
        if shape[i] != args.shape[i]:
            raise_view_shape(args, ndim, shape, name)
        if shape[i] != 1:
            bits |= <uintptr_t>strides[i]
            stride[i] = strides[i] // size
    if bits & <uintptr_t>(size - 1):
        raise_view_alignment(name)
    return 0


cdef pyce_dtype index_dtype(Py_ssize_t size, bint signed) noexcept nogil:
    return (PYCE_INT8 if signed else PYCE_UINT8) + (0 if size == 1 else 1 if size == 2 else 2 if size == 4 else 3)


cdef int run_views(const pyce_args *args) except -1 nogil:
    cdef pyce_error error = pyce_error_init()
    if pyce_compute(args, &error) != PYCE_OK:
        raise_error(&error)
    return 0


cdef int raise_view_shape(const pyce_args *args, int ndim, const Py_ssize_t *shape,
                          const char *name) except -1 with gil:
    cdef list expected = [], got = []
    for i in range(ndim):
        expected.append(args.shape[i])
        got.append(shape[i])
    raise ValueError(f"{name.decode()} must have shape {tuple(expected)}, as logits demand; got {tuple(got)}")


cdef int raise_view_alignment(const char *name) except -1 with gil:
    raise ValueError(f"{name.decode()} is not aligned to its elements; pass a copy")
