# The losses for Cython code: `from pyce._core cimport sparse_softmax_rows`. No library to link, no header to include.
#
# Typed memoryviews of rank 2 (rows of classes) or rank 1 (elements), any strides, without the GIL. loss and grad may be
# None, not both; grad may be the logits themselves, any other overlap is refused. num_threads = 0 takes as many threads
# as OpenMP would. Each returns 0, or raises ValueError (and -1) when shapes differ or a label is out of range; nothing
# has been written then. With None or contiguous views (double[:, ::1]) name the types, since Cython chooses among fused
# functions by exact types: sparse_softmax_rows[double, int64_t](logits, labels, loss, None, 0). Everything else that
# the library can do goes through pyce_compute (pyce.pxd).
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

ctypedef fused real:
    float
    double

ctypedef fused index:
    int8_t
    int16_t
    int32_t
    int64_t
    uint8_t
    uint16_t
    uint32_t
    uint64_t

# logits (rows, classes), labels (rows,), loss (rows,), grad (rows, classes)
cdef int sparse_softmax_rows(const real[:, :] logits, const index[:] labels, real[:] loss, real[:, :] grad,
                             int num_threads) except -1 nogil

# logits and labels (rows, classes), loss (rows,), grad (rows, classes)
cdef int softmax_rows(const real[:, :] logits, const real[:, :] labels, real[:] loss, real[:, :] grad,
                      int num_threads) except -1 nogil

# everything (n,)
cdef int sigmoid_elements(const real[:] logits, const real[:] labels, real[:] loss, real[:] grad,
                          int num_threads) except -1 nogil

# everything (n,), one positive weight for all
cdef int weighted_elements(const real[:] logits, const real[:] labels, double pos_weight, real[:] loss, real[:] grad,
                           int num_threads) except -1 nogil
