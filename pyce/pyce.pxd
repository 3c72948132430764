# The C interface of pyce for Cython: `from pyce.pyce cimport pyce_args, pyce_compute, ...`.
#
# pyce.h is the manual; this file only repeats its declarations. A module that cimports it compiles with the directory
# pyce.get_include() and links with the library pyce.get_library(). For rows and elements of typed memoryviews,
# _core.pxd has functions that need neither.
from libc.stdint cimport int32_t, int64_t

cdef extern from "pyce.h" nogil:
    enum:
        PYCE_VERSION_MAJOR
        PYCE_VERSION_MINOR
        PYCE_VERSION_PATCH
        PYCE_ABI_VERSION
        PYCE_MAX_NDIM
        PYCE_MESSAGE_SIZE

    ctypedef int32_t pyce_status
    enum:
        PYCE_OK
        PYCE_ERROR_STRUCT_SIZE
        PYCE_ERROR_NULL
        PYCE_ERROR_RESERVED
        PYCE_ERROR_LOSS
        PYCE_ERROR_DTYPE
        PYCE_ERROR_OUTPUT
        PYCE_ERROR_THREADS
        PYCE_ERROR_ISA
        PYCE_ERROR_ARGUMENT
        PYCE_ERROR_OPTION
        PYCE_ERROR_VALUE
        PYCE_ERROR_NDIM
        PYCE_ERROR_SHAPE
        PYCE_ERROR_AXIS
        PYCE_ERROR_CLASSES
        PYCE_ERROR_STRIDE
        PYCE_ERROR_OVERLAP
        PYCE_ERROR_ALIGNMENT
        PYCE_ERROR_LABEL

    ctypedef int32_t pyce_loss
    enum:
        PYCE_SIGMOID
        PYCE_WEIGHTED
        PYCE_SOFTMAX
        PYCE_SPARSE_SOFTMAX

    ctypedef int32_t pyce_dtype
    enum:
        PYCE_FLOAT32
        PYCE_FLOAT64
        PYCE_FLOAT16
        PYCE_BFLOAT16
        PYCE_BOOL
        PYCE_INT8
        PYCE_INT16
        PYCE_INT32
        PYCE_INT64
        PYCE_UINT8
        PYCE_UINT16
        PYCE_UINT32
        PYCE_UINT64

    ctypedef int32_t pyce_isa
    enum:
        PYCE_ISA_AUTO
        PYCE_ISA_BASELINE
        PYCE_ISA_AVX2
        PYCE_ISA_AVX512

    ctypedef int32_t pyce_argument
    enum:
        PYCE_ARG_NONE
        PYCE_ARG_LOGITS
        PYCE_ARG_LABELS
        PYCE_ARG_POS_WEIGHT
        PYCE_ARG_LOSS
        PYCE_ARG_GRAD
        PYCE_ARG_HESS
        PYCE_ARG_LSE
        PYCE_ARG_PROB
        PYCE_ARG_LOG_PROB
        PYCE_ARG_CORRECT
        PYCE_ARG_LABELS_GRAD
        PYCE_ARG_HVP
        PYCE_ARG_SAMPLE_WEIGHT
        PYCE_ARG_WHERE
        PYCE_ARG_CLASS_WEIGHT
        PYCE_ARG_VECTOR
        PYCE_ARG_ARGS
        PYCE_ARG_LOSS_KIND
        PYCE_ARG_NDIM
        PYCE_ARG_SHAPE
        PYCE_ARG_AXIS
        PYCE_ARG_NUM_THREADS
        PYCE_ARG_ISA
        PYCE_ARG_REDUCTION
        PYCE_ARG_DENOMINATOR
        PYCE_ARG_LABEL_SMOOTHING
        PYCE_ARG_IGNORE_INDEX

    ctypedef int32_t pyce_reduction
    enum:
        PYCE_REDUCTION_NONE
        PYCE_REDUCTION_SUM
        PYCE_REDUCTION_MEAN

    ctypedef int32_t pyce_denominator
    enum:
        PYCE_DENOMINATOR_WEIGHTS
        PYCE_DENOMINATOR_ROWS
        PYCE_DENOMINATOR_BATCH
        PYCE_DENOMINATOR_VALUE

    ctypedef struct pyce_array:
        int64_t stride[8]
        const void *data
        pyce_dtype dtype
        int32_t reserved

    ctypedef struct pyce_output:
        int64_t stride[8]
        void *data
        pyce_dtype dtype
        int32_t reserved

    ctypedef struct pyce_args:
        int64_t struct_size
        int64_t shape[8]
        pyce_array logits
        pyce_array labels
        pyce_array pos_weight
        pyce_array sample_weight
        pyce_array where
        pyce_array class_weight
        pyce_array vector
        pyce_output loss
        pyce_output grad
        pyce_output hess
        pyce_output lse
        pyce_output prob
        pyce_output log_prob
        pyce_output correct
        pyce_output labels_grad
        pyce_output hvp
        double label_smoothing
        double denominator_value
        int64_t ignore_index
        pyce_loss loss_kind
        int32_t ndim
        int32_t axis
        int32_t num_threads
        pyce_isa isa
        pyce_reduction reduction
        pyce_denominator denominator
        int32_t has_ignore_index

    ctypedef struct pyce_error:
        int64_t struct_size
        int64_t index
        int64_t value
        pyce_status status
        pyce_argument argument
        char message[256]

    pyce_args pyce_args_init()
    pyce_error pyce_error_init()
    pyce_status pyce_compute(const pyce_args *args, pyce_error *error)

    pyce_array pyce_input_2d(const void *data, pyce_dtype dtype, int64_t stride0, int64_t stride1)
    pyce_output pyce_output_2d(void *data, pyce_dtype dtype, int64_t stride0, int64_t stride1)

    const char *pyce_version()
    int32_t pyce_abi_version()
    const char *pyce_loss_name(pyce_loss loss)
    const char *pyce_isa_name(pyce_isa isa)
    const char *pyce_dtype_name(pyce_dtype dtype)
    const char *pyce_status_name(pyce_status status)
    const char *pyce_argument_name(pyce_argument arg)
    int32_t pyce_isa_compiled(pyce_isa isa)
    int32_t pyce_isa_available(pyce_isa isa)
    pyce_isa pyce_isa_default()
    int32_t pyce_max_threads()
    int32_t pyce_openmp()
    const char *pyce_compiler()
