/* pyce: cross-entropy losses from logits, on the CPU.
 *
 * This header is the manual. It needs C99 or C++11 and nothing but <stddef.h>, <stdint.h> and <string.h>.
 *
 * CONTENTS
 *   1  Conventions          4  The call
 *   2  Example              5  Short forms for contiguous arrays
 *   3  Types                6  Names, versions, the machine
 *
 * 1  CONVENTIONS
 *
 * Losses. x is a logit, z or t a label, q the positive weight; s(x) = 1/(1 + exp(-x)):
 *
 *   PYCE_SIGMOID         u = 1 - z, v = z        loss = -v log s(x) - u log s(-x), one for each element
 *   PYCE_WEIGHTED        u = 1 - z, v = q z      the same
 *   PYCE_SOFTMAX         dense labels t_j        loss = -sum_j t_j log p_j, p = softmax(x), one for each row
 *   PYCE_SPARSE_SOFTMAX  an index label          loss = -log p_label, one for each row
 *
 * Outputs, any subset in one call; an output that is not wanted has data == NULL:
 *
 *   loss         as above; one number under a reduction
 *   grad         d loss / d x, the logits' shape
 *   hess         d2 loss / d x2, the exact diagonal of the Hessian, the logits' shape
 *   labels_grad  d loss / d label, the logits' shape (dense labels)
 *   hvp          the Hessian times `vector`, the logits' shape
 *   lse          log sum_j exp(x_j), one for each row (softmax family)
 *   prob         s(x) or softmax(x), the logits' shape
 *   log_prob     its logarithm, the logits' shape
 *   correct      whether the label is the first of the greatest logits, bool, one for each row (softmax family); for
 *                dense labels the first of the greatest labels; false if a logit or label of the row is NaN
 *
 * lse, prob and log_prob depend on the logits alone; a call that asks for nothing else needs no labels. correct
 * depends on logits and labels. The others carry every option below.
 *
 * Options. None of them is set by pyce_args_init().
 *
 *   sample_weight    w, one for each loss: multiplies it. Exactly 0 gives 0, whatever the logits hold (its index label
 *                    is checked all the same)
 *   where            bool, one for each loss: where it is false the loss is masked: 0, whatever the logits hold, and
 *                    its index label is not looked at
 *   ignore_index     (sparse softmax) rows with this label are masked, be it inside the range or not
 *   class_weight     W, one for each class (softmax family): with an index label y the loss is multiplied by W_y;
 *                    with dense labels the effective labels are W_j t_j
 *   label_smoothing  e in [0, 1]: t_j becomes (1 - e) t_j + e / classes, z becomes (1 - e) z + e / 2. Before class and
 *                    positive weights; an index label is smoothed as the dense one that it stands for
 *   reduction        PYCE_REDUCTION_SUM, _MEAN: loss is one number, and the others are its derivatives
 *   denominator      of the mean: the sum over unmasked losses of w (times W_y of an index label); their number; the
 *                    number of all losses; or denominator_value
 *
 * A mean is NaN if its denominator is 0, and its derivatives are 0 then; else only if a loss or a weight is NaN, or a
 * weight infinite. Sums are taken in a fixed order in double, for float64 in two doubles: no thread count and no memory
 * layout changes a bit.
 *
 * Shapes. A call has one shape (`ndim`, `shape`), that of the logits, and for the softmax family a class axis
 * (`axis`). Every array is a pointer, a dtype and one stride per axis, in elements; strides may be negative.
 * A stride of 0 broadcasts an input. Arrays without a class axis (loss, lse, index labels) ignore the stride of
 * `axis`, and so do sample_weight and where; class_weight has the stride of `axis` alone, and a loss under a
 * reduction none. The binary losses ignore `axis`. At most PYCE_MAX_NDIM axes; ndim == 0 is a scalar (binary losses
 * only).
 *
 * Types. logits, vector, outputs, weights, and labels of sigmoid, weighted and softmax: float32, float64, float16,
 * bfloat16, in any mixture. Index labels: any integer type. The computation is in float64 if the logits, the labels
 * or a requested output are, else in float32 (with wider accumulators); 1 - z and q z are formed in double. A half-
 * precision result is the float32 (or float64) result rounded once to nearest even; nothing is converted in memory.
 * where and correct are bool: bytes, 0 or not (written as 0 and 1).
 *
 * Results. Every result is within 2 units in the last place of the exact value, tiny ones included (for finite labels
 * in [0, 1], sample weights up to 1e9 and pos_weight up to 1e15; with class weights or smoothing 3.5, and hvp 6 of
 * its larger terms: docs/accuracy.md), and depends on the values of its own row (or element) alone: not on the number
 * of threads, the memory layout, the rows around it, or which other outputs of the same type of computation are asked
 * for. (A reduced loss depends on all rows, and the derivatives of a mean on its denominator.) Every instruction set
 * with fused multiply-add gives the same bits, those of a NaN apart. Weights times label sums, over the denominator,
 * beyond 1e19 or below 1e-19 (float64: 1e150 and 1e-150) leave the range in which the softmax family's derivatives are
 * formed. The binary losses form weight times loss, and a derivative over the denominator, in the type of the
 * computation: what is subnormal or overflows there has lost digits, in a sum, a mean or an hvp too, and a denominator
 * below the type's normal numbers gives NaN.
 *
 * Infinities and NaN. A NaN in a row (logit, label or weight) makes that row's results NaN, no other's. One
 * +inf logit has probability 1, -inf logits have probability 0, several +inf give NaN, a row of -inf gives NaN
 * unless its labels sum to 0. A term whose coefficient (u, v, t_j) is 0 is 0, also beside an infinite logit.
 *
 * Memory. Inputs are only read. An output may be the logits themselves (same address, strides and dtype) when it is
 * `grad`; any other overlap of an output with another array is refused. The library keeps nothing and allocates
 * nothing; scratch lives on the stack (under 192 KiB per thread). With musl a thread has 128 KiB unless told otherwise;
 * a program linked with the shared library has 1 MiB, one linked with the static library needs
 * -Wl,-z,stack-size=1048576 or pthread_attr_setstacksize.
 *
 * Errors. A call returns a status. On any status but PYCE_OK no output has been touched. Pass a pyce_error to learn
 * which argument, which element, which value, in words too.
 *
 * Versions. Within one PYCE_ABI_VERSION structs only grow, at their end, and `struct_size` says how far the program's
 * go. A program runs on a newer library: a field that it does not have is 0. It runs on an older one: a field that the
 * library does not have must be 0 in a pyce_args (else PYCE_ERROR_STRUCT_SIZE), and is left alone in a pyce_error.
 * A pyce_args shorter than that of version 0.1.0 is PYCE_ERROR_STRUCT_SIZE, such a pyce_error is left untouched (so
 * `= {0}` learns nothing: use pyce_error_init()); no pyce_args will be longer than 4096 bytes.
 *
 * Threads. Every function may be called from any thread at any time. A call uses OpenMP threads when the problem is
 * large enough; in a child after fork(), and where no thread can be started, it runs on one. (If a thread that could
 * be started a moment ago no longer can, or OMP_STACKSIZE asks for more than there is, the OpenMP run-time ends the
 * process; the libomp of LLVM 14 has crashed, in any program, where several callers start more than 24 threads at
 * once.) The floating-point environment is set to the default for the call (round to nearest, no flush to zero) and
 * restored. A library that is unloaded (dlclose) stays in memory, for its threads.
 *
 * 2  EXAMPLE
 *
 *   #include <stdio.h>
 *   #include "pyce.h"
 *
 *   int main(void) {
 *       const float logits[2 * 3] = {2.0f, 0.5f, 1.0f,  0.1f, 1.0f, 3.0f};
 *       const int64_t labels[2] = {1, 2};
 *       float loss[2], grad[2 * 3];
 *       pyce_error error = pyce_error_init();
 *       if (pyce_sparse_softmax_f32(logits, labels, 2, 3, loss, grad, &error) != PYCE_OK) {
 *           fprintf(stderr, "%s\n", error.message);
 *           return 1;
 *       }
 *       printf("%.9g %.9g\n", loss[0], loss[1]);
 *       return 0;
 *   }
 *
 * Anything else (other layouts, outputs, options, types, thread counts) fills the struct itself:
 *
 *   pyce_args args = pyce_args_init();
 *   args.loss_kind = PYCE_SOFTMAX;
 *   args.ndim = 2;  args.shape[0] = rows;  args.shape[1] = classes;  args.axis = 1;
 *   args.logits = pyce_input_2d(logits, PYCE_FLOAT32, row_stride, 1);
 *   args.labels = pyce_input_2d(labels, PYCE_FLOAT64, classes, 1);
 *   args.hess = pyce_output_2d(hess, PYCE_FLOAT32, classes, 1);
 *   status = pyce_compute(&args, &error);
 *
 * and, for the mean over weighted rows and its gradient, with a weight for each class and label -100 ignored:
 *
 *   pyce_args args = pyce_args_rows(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT32, logits, rows, classes, &mean, grad);
 *   args.labels = pyce_input_2d(labels, PYCE_INT64, 1, 0);
 *   args.sample_weight = pyce_input_2d(weights, PYCE_FLOAT32, 1, 0);
 *   args.class_weight = pyce_input_2d(class_weights, PYCE_FLOAT32, 0, 1);
 *   args.reduction = PYCE_REDUCTION_MEAN;
 *   args.has_ignore_index = 1;  args.ignore_index = -100;
 *   status = pyce_compute(&args, &error);
 */
#ifndef PYCE_H
#define PYCE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PYCE_VERSION_MAJOR 0
#define PYCE_VERSION_MINOR 1
#define PYCE_VERSION_PATCH 0
#define PYCE_ABI_VERSION 0 /* the number in the shared library's SONAME */

#if defined(PYCE_STATIC)
#define PYCE_API
#elif defined(_WIN32)
#if defined(PYCE_BUILDING)
#define PYCE_API __declspec(dllexport)
#else
#define PYCE_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define PYCE_API __attribute__((visibility("default")))
#else
#define PYCE_API
#endif

#if defined(__cplusplus)
extern "C" {
#endif

/* 3  TYPES ---------------------------------------------------------------------------------------------------- */

#define PYCE_MAX_NDIM 8
#define PYCE_MESSAGE_SIZE 256

/* Numbers are part of the ABI: they never change, new ones are added. */

typedef int32_t pyce_status;
enum {
    PYCE_OK = 0,
    /* the call itself */
    PYCE_ERROR_STRUCT_SIZE = 10, /* struct_size unknown, or fields this library does not know are not zero */
    PYCE_ERROR_NULL = 11,        /* args is NULL, or an array that is needed has data == NULL */
    PYCE_ERROR_RESERVED = 12,    /* a reserved field is not zero */
    /* kinds and numbers */
    PYCE_ERROR_LOSS = 20,    /* loss_kind is not a pyce_loss */
    PYCE_ERROR_DTYPE = 21,   /* a dtype that this argument cannot have */
    PYCE_ERROR_OUTPUT = 22,  /* no output asked for, or one that this loss does not have */
    PYCE_ERROR_THREADS = 23, /* num_threads is negative */
    PYCE_ERROR_ISA = 24,     /* isa is unknown, not in this build, or not in this CPU */
    PYCE_ERROR_ARGUMENT = 25, /* an array or an option that this loss does not use is given */
    PYCE_ERROR_OPTION = 26,   /* reduction or denominator is unknown, or denominator goes without a mean */
    PYCE_ERROR_VALUE = 27,    /* label_smoothing outside [0, 1], denominator_value not a finite number above 0 */
    /* shapes and memory */
    PYCE_ERROR_NDIM = 30,    /* ndim outside 0 .. PYCE_MAX_NDIM (1 .. for the softmax family) */
    PYCE_ERROR_SHAPE = 31,   /* a negative extent, or more elements or bytes than an address can reach */
    PYCE_ERROR_AXIS = 32,    /* axis outside 0 .. ndim - 1 */
    PYCE_ERROR_CLASSES = 33, /* the class axis is empty and the batch is not */
    PYCE_ERROR_STRIDE = 34,  /* an output that overlaps itself */
    PYCE_ERROR_OVERLAP = 35, /* an output that overlaps another array */
    PYCE_ERROR_ALIGNMENT = 36, /* an array's data is not aligned to its dtype */
    /* values */
    PYCE_ERROR_LABEL = 40 /* an index label outside 0 .. classes - 1; error->index and error->value say which */
};

typedef int32_t pyce_loss;
enum { PYCE_SIGMOID = 1, PYCE_WEIGHTED = 2, PYCE_SOFTMAX = 3, PYCE_SPARSE_SOFTMAX = 4 };

typedef int32_t pyce_dtype;
enum {
    PYCE_FLOAT32 = 1,
    PYCE_FLOAT64 = 2,
    PYCE_FLOAT16 = 3,
    PYCE_BFLOAT16 = 4,
    PYCE_BOOL = 5, /* where and correct */
    PYCE_INT8 = 11,
    PYCE_INT16 = 12,
    PYCE_INT32 = 13,
    PYCE_INT64 = 14,
    PYCE_UINT8 = 21,
    PYCE_UINT16 = 22,
    PYCE_UINT32 = 23,
    PYCE_UINT64 = 24
};

typedef int32_t pyce_isa;
enum {
    PYCE_ISA_AUTO = 0,     /* the best that this build and this CPU have */
    PYCE_ISA_BASELINE = 1, /* what the compiler was told to assume: SSE2 on x86-64, NEON on aarch64 */
    PYCE_ISA_AVX2 = 2,     /* AVX2 and FMA */
    PYCE_ISA_AVX512 = 3    /* AVX-512 F, BW, DQ, VL and FMA */
};

typedef int32_t pyce_reduction;
enum { PYCE_REDUCTION_NONE = 0, PYCE_REDUCTION_SUM = 1, PYCE_REDUCTION_MEAN = 2 };

typedef int32_t pyce_denominator; /* of the mean */
enum {
    PYCE_DENOMINATOR_WEIGHTS = 0, /* the sum over unmasked losses of sample_weight, times W_y of an index label */
    PYCE_DENOMINATOR_ROWS = 1,    /* the number of unmasked losses */
    PYCE_DENOMINATOR_BATCH = 2,   /* the number of losses */
    PYCE_DENOMINATOR_VALUE = 3    /* denominator_value */
};

typedef int32_t pyce_argument; /* which argument an error is about */
enum {
    PYCE_ARG_NONE = 0,
    PYCE_ARG_LOGITS = 1,
    PYCE_ARG_LABELS = 2,
    PYCE_ARG_POS_WEIGHT = 3,
    PYCE_ARG_LOSS = 4,
    PYCE_ARG_GRAD = 5,
    PYCE_ARG_HESS = 6,
    PYCE_ARG_LSE = 7,
    PYCE_ARG_PROB = 8,
    PYCE_ARG_LOG_PROB = 9,
    PYCE_ARG_CORRECT = 10,
    PYCE_ARG_LABELS_GRAD = 11,
    PYCE_ARG_HVP = 12,
    PYCE_ARG_SAMPLE_WEIGHT = 13,
    PYCE_ARG_WHERE = 14,
    PYCE_ARG_CLASS_WEIGHT = 15,
    PYCE_ARG_VECTOR = 16,
    PYCE_ARG_ARGS = 20, /* the struct itself */
    PYCE_ARG_LOSS_KIND = 21,
    PYCE_ARG_NDIM = 22,
    PYCE_ARG_SHAPE = 23,
    PYCE_ARG_AXIS = 24,
    PYCE_ARG_NUM_THREADS = 25,
    PYCE_ARG_ISA = 26,
    PYCE_ARG_REDUCTION = 27,
    PYCE_ARG_DENOMINATOR = 28,
    PYCE_ARG_LABEL_SMOOTHING = 29,
    PYCE_ARG_IGNORE_INDEX = 30
};

#if UINTPTR_MAX > 0xffffffffu
#define PYCE_POINTER(type, name) type name
#else /* a pointer takes eight bytes in every struct, so that the layout is the same everywhere */
#define PYCE_POINTER(type, name) type name; int32_t name##_high
#endif

typedef struct pyce_array { /* an array that is read; data == NULL: absent */
    int64_t stride[PYCE_MAX_NDIM];
    PYCE_POINTER(const void *, data);
    pyce_dtype dtype;
    int32_t reserved; /* 0 */
} pyce_array;

typedef struct pyce_output { /* an array that is written; data == NULL: not wanted */
    int64_t stride[PYCE_MAX_NDIM];
    PYCE_POINTER(void *, data);
    pyce_dtype dtype;
    int32_t reserved; /* 0 */
} pyce_output;

/* One problem. Start from pyce_args_init(), which zeroes it: a field that is not set has its default, also one that
 * a later version adds. */
typedef struct pyce_args {
    int64_t struct_size; /* set by pyce_args_init */
    int64_t shape[PYCE_MAX_NDIM];
    pyce_array logits;
    pyce_array labels;
    pyce_array pos_weight; /* weighted only, and required there */
    pyce_array sample_weight;
    pyce_array where;
    pyce_array class_weight; /* softmax family */
    pyce_array vector;       /* for hvp, and required there */
    pyce_output loss;
    pyce_output grad;
    pyce_output hess;
    pyce_output lse;
    pyce_output prob;
    pyce_output log_prob;
    pyce_output correct;
    pyce_output labels_grad;
    pyce_output hvp;
    double label_smoothing;
    double denominator_value; /* of PYCE_DENOMINATOR_VALUE; else 0 */
    int64_t ignore_index;     /* counts if has_ignore_index is not 0 */
    pyce_loss loss_kind; /* required */
    int32_t ndim;
    int32_t axis;        /* the class axis, 0 .. ndim - 1 */
    int32_t num_threads; /* 0: as many as OpenMP would use */
    pyce_isa isa;
    pyce_reduction reduction;
    pyce_denominator denominator;
    int32_t has_ignore_index;
} pyce_args;

/* What went wrong. Start from pyce_error_init(). Written by every call, also a good one (status 0, message ""). */
typedef struct pyce_error {
    int64_t struct_size; /* set by pyce_error_init */
    int64_t index;       /* the element, counted in C order over the argument's own shape; -1: no element */
    int64_t value;       /* the offending value (for a uint64 label above INT64_MAX: its two's complement) */
    pyce_status status;
    pyce_argument argument;
    char message[PYCE_MESSAGE_SIZE]; /* one sentence, no newline */
} pyce_error;

/* 4  THE CALL ------------------------------------------------------------------------------------------------- */

static inline pyce_args pyce_args_init(void) {
    pyce_args args;
    memset(&args, 0, sizeof args);
    args.struct_size = (int64_t)sizeof args;
    return args;
}

static inline pyce_error pyce_error_init(void) {
    pyce_error error;
    memset(&error, 0, sizeof error);
    error.struct_size = (int64_t)sizeof error;
    error.index = -1;
    return error;
}

/* Checks every argument, then computes the outputs that are asked for. `error` may be NULL. */
PYCE_API pyce_status pyce_compute(const pyce_args *args, pyce_error *error);

/* 5  SHORT FORMS FOR CONTIGUOUS ARRAYS ------------------------------------------------------------------------- */

static inline pyce_array pyce_input_2d(const void *data, pyce_dtype dtype, int64_t stride0, int64_t stride1) {
    pyce_array array;
    memset(&array, 0, sizeof array);
    array.data = data;
    array.dtype = dtype;
    array.stride[0] = stride0;
    array.stride[1] = stride1;
    return array;
}

static inline pyce_output pyce_output_2d(void *data, pyce_dtype dtype, int64_t stride0, int64_t stride1) {
    pyce_output array;
    memset(&array, 0, sizeof array);
    array.data = data;
    array.dtype = dtype;
    array.stride[0] = stride0;
    array.stride[1] = stride1;
    return array;
}

/* The struct for (rows, classes) logits in C order; loss (rows,) and grad (rows, classes) may be NULL. */
static inline pyce_args pyce_args_rows(pyce_loss kind, pyce_dtype dtype, const void *logits, int64_t rows,
                                       int64_t classes, void *loss, void *grad) {
    pyce_args args = pyce_args_init();
    args.loss_kind = kind;
    args.ndim = 2;
    args.axis = 1;
    args.shape[0] = rows;
    args.shape[1] = classes;
    args.logits = pyce_input_2d(logits, dtype, classes, 1);
    args.loss = pyce_output_2d(loss, dtype, 1, 0);
    args.grad = pyce_output_2d(grad, dtype, classes, 1);
    return args;
}

/* The struct for n logits in a row with labels of the same type; loss (n,) and grad (n,) may be NULL. */
static inline pyce_args pyce_args_elements(pyce_loss kind, pyce_dtype dtype, const void *logits, const void *labels,
                                           int64_t n, void *loss, void *grad) {
    pyce_args args = pyce_args_init();
    args.loss_kind = kind;
    args.ndim = 1;
    args.shape[0] = n;
    args.logits = pyce_input_2d(logits, dtype, 1, 0);
    args.labels = pyce_input_2d(labels, dtype, 1, 0);
    args.loss = pyce_output_2d(loss, dtype, 1, 0);
    args.grad = pyce_output_2d(grad, dtype, 1, 0);
    return args;
}

static inline pyce_status pyce_sparse_softmax_f32(const float *logits, const int64_t *labels, int64_t rows,
                                                  int64_t classes, float *loss, float *grad, pyce_error *error) {
    pyce_args args = pyce_args_rows(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT32, logits, rows, classes, loss, grad);
    args.labels = pyce_input_2d(labels, PYCE_INT64, 1, 0);
    return pyce_compute(&args, error);
}

static inline pyce_status pyce_sparse_softmax_f64(const double *logits, const int64_t *labels, int64_t rows,
                                                  int64_t classes, double *loss, double *grad, pyce_error *error) {
    pyce_args args = pyce_args_rows(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT64, logits, rows, classes, loss, grad);
    args.labels = pyce_input_2d(labels, PYCE_INT64, 1, 0);
    return pyce_compute(&args, error);
}

static inline pyce_status pyce_softmax_f32(const float *logits, const float *labels, int64_t rows, int64_t classes,
                                           float *loss, float *grad, pyce_error *error) {
    pyce_args args = pyce_args_rows(PYCE_SOFTMAX, PYCE_FLOAT32, logits, rows, classes, loss, grad);
    args.labels = pyce_input_2d(labels, PYCE_FLOAT32, classes, 1);
    return pyce_compute(&args, error);
}

static inline pyce_status pyce_softmax_f64(const double *logits, const double *labels, int64_t rows, int64_t classes,
                                           double *loss, double *grad, pyce_error *error) {
    pyce_args args = pyce_args_rows(PYCE_SOFTMAX, PYCE_FLOAT64, logits, rows, classes, loss, grad);
    args.labels = pyce_input_2d(labels, PYCE_FLOAT64, classes, 1);
    return pyce_compute(&args, error);
}

static inline pyce_status pyce_sigmoid_f32(const float *logits, const float *labels, int64_t n, float *loss,
                                           float *grad, pyce_error *error) {
    pyce_args args = pyce_args_elements(PYCE_SIGMOID, PYCE_FLOAT32, logits, labels, n, loss, grad);
    return pyce_compute(&args, error);
}

static inline pyce_status pyce_sigmoid_f64(const double *logits, const double *labels, int64_t n, double *loss,
                                           double *grad, pyce_error *error) {
    pyce_args args = pyce_args_elements(PYCE_SIGMOID, PYCE_FLOAT64, logits, labels, n, loss, grad);
    return pyce_compute(&args, error);
}

static inline pyce_status pyce_weighted_f32(const float *logits, const float *labels, float pos_weight, int64_t n,
                                            float *loss, float *grad, pyce_error *error) {
    pyce_args args = pyce_args_elements(PYCE_WEIGHTED, PYCE_FLOAT32, logits, labels, n, loss, grad);
    args.pos_weight = pyce_input_2d(&pos_weight, PYCE_FLOAT32, 0, 0);
    return pyce_compute(&args, error);
}

static inline pyce_status pyce_weighted_f64(const double *logits, const double *labels, double pos_weight, int64_t n,
                                            double *loss, double *grad, pyce_error *error) {
    pyce_args args = pyce_args_elements(PYCE_WEIGHTED, PYCE_FLOAT64, logits, labels, n, loss, grad);
    args.pos_weight = pyce_input_2d(&pos_weight, PYCE_FLOAT64, 0, 0);
    return pyce_compute(&args, error);
}

/* 6  NAMES, VERSIONS, THE MACHINE ----------------------------------------------------------------------------- */

/* The version of the library that is running, "major.minor.patch", and its ABI number. */
PYCE_API const char *pyce_version(void);
PYCE_API int32_t pyce_abi_version(void);

/* Names, in lower case, for people and bindings; NULL for a number that has none. Losses and isas count from 1
 * without gaps, so a loop until NULL lists them. */
PYCE_API const char *pyce_loss_name(pyce_loss loss);         /* "sigmoid", "weighted", "softmax", "sparse_softmax" */
PYCE_API const char *pyce_isa_name(pyce_isa isa);            /* "baseline", "avx2", "avx512" */
PYCE_API const char *pyce_dtype_name(pyce_dtype dtype);      /* "float32", ... */
PYCE_API const char *pyce_status_name(pyce_status status);   /* "PYCE_OK", ... */
PYCE_API const char *pyce_argument_name(pyce_argument arg);  /* "logits", ... */

/* What this build contains, what this CPU can run of it, and what PYCE_ISA_AUTO takes. */
PYCE_API int32_t pyce_isa_compiled(pyce_isa isa);  /* 1 or 0 */
PYCE_API int32_t pyce_isa_available(pyce_isa isa); /* 1 or 0 */
PYCE_API pyce_isa pyce_isa_default(void);

PYCE_API int32_t pyce_max_threads(void);       /* what num_threads == 0 means here and now */
PYCE_API int32_t pyce_openmp(void);            /* the _OPENMP date of the build, 0 without OpenMP */
PYCE_API const char *pyce_compiler(void);      /* compiler and version of the build */

#if defined(__cplusplus)
}
#endif

#endif /* PYCE_H */
