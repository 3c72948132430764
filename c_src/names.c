/* names.c: what the library says about itself: versions, and the names of its numbers. */
#include "internal.h"

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

const char *pyce_version(void) {
    return TEXT(PYCE_VERSION_MAJOR) "." TEXT(PYCE_VERSION_MINOR) "." TEXT(PYCE_VERSION_PATCH);
}

int32_t pyce_abi_version(void) {
    return PYCE_ABI_VERSION;
}

const char *pyce_compiler(void) {
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#elif defined(_MSC_VER)
    return "msvc " TEXT(_MSC_VER);
#else
    return "unknown";
#endif
}

/* Names --------------------------------------------------------------------------------------------------------- */

typedef struct named {
    int32_t number;
    const char *name;
} named;

static const char *find(const named *table, size_t count, int32_t number) {
    size_t i;
    for (i = 0; i < count; i++) {
        if (table[i].number == number) return table[i].name;
    }
    return NULL;
}

#define FIND(table, number) find(table, sizeof(table) / sizeof((table)[0]), number)
#define SELF(constant) \
    { constant, #constant }

const char *pyce_loss_name(pyce_loss loss) {
    static const named table[] = {{PYCE_SIGMOID, "sigmoid"},
                                  {PYCE_WEIGHTED, "weighted"},
                                  {PYCE_SOFTMAX, "softmax"},
                                  {PYCE_SPARSE_SOFTMAX, "sparse_softmax"}};
    return FIND(table, loss);
}

const char *pyce_isa_name(pyce_isa isa) {
    static const named table[] = {
        {PYCE_ISA_BASELINE, "baseline"}, {PYCE_ISA_AVX2, "avx2"}, {PYCE_ISA_AVX512, "avx512"}};
    return FIND(table, isa);
}

const char *pyce_dtype_name(pyce_dtype dtype) {
    static const named table[] = {{PYCE_FLOAT32, "float32"},   {PYCE_FLOAT64, "float64"}, {PYCE_FLOAT16, "float16"},
                                  {PYCE_BFLOAT16, "bfloat16"}, {PYCE_BOOL, "bool"},       {PYCE_INT8, "int8"},
                                  {PYCE_INT16, "int16"},       {PYCE_INT32, "int32"},     {PYCE_INT64, "int64"},
                                  {PYCE_UINT8, "uint8"},       {PYCE_UINT16, "uint16"},   {PYCE_UINT32, "uint32"},
                                  {PYCE_UINT64, "uint64"}};
    return FIND(table, dtype);
}

const char *pyce_status_name(pyce_status status) {
    static const named table[] = {
        SELF(PYCE_OK),           SELF(PYCE_ERROR_STRUCT_SIZE), SELF(PYCE_ERROR_NULL),      SELF(PYCE_ERROR_RESERVED),
        SELF(PYCE_ERROR_LOSS),   SELF(PYCE_ERROR_DTYPE),       SELF(PYCE_ERROR_OUTPUT),    SELF(PYCE_ERROR_THREADS),
        SELF(PYCE_ERROR_ISA),    SELF(PYCE_ERROR_ARGUMENT),    SELF(PYCE_ERROR_OPTION),    SELF(PYCE_ERROR_VALUE),
        SELF(PYCE_ERROR_NDIM),   SELF(PYCE_ERROR_SHAPE),       SELF(PYCE_ERROR_AXIS),      SELF(PYCE_ERROR_CLASSES),
        SELF(PYCE_ERROR_STRIDE), SELF(PYCE_ERROR_OVERLAP),     SELF(PYCE_ERROR_ALIGNMENT), SELF(PYCE_ERROR_LABEL)};
    return FIND(table, status);
}

const char *pyce_argument_name(pyce_argument argument) {
    static const named table[] = {{PYCE_ARG_LOGITS, "logits"},
                                  {PYCE_ARG_LABELS, "labels"},
                                  {PYCE_ARG_POS_WEIGHT, "pos_weight"},
                                  {PYCE_ARG_LOSS, "loss"},
                                  {PYCE_ARG_GRAD, "grad"},
                                  {PYCE_ARG_HESS, "hess"},
                                  {PYCE_ARG_LSE, "lse"},
                                  {PYCE_ARG_PROB, "prob"},
                                  {PYCE_ARG_LOG_PROB, "log_prob"},
                                  {PYCE_ARG_CORRECT, "correct"},
                                  {PYCE_ARG_LABELS_GRAD, "labels_grad"},
                                  {PYCE_ARG_HVP, "hvp"},
                                  {PYCE_ARG_SAMPLE_WEIGHT, "sample_weight"},
                                  {PYCE_ARG_WHERE, "where"},
                                  {PYCE_ARG_CLASS_WEIGHT, "class_weight"},
                                  {PYCE_ARG_VECTOR, "vector"},
                                  {PYCE_ARG_ARGS, "args"},
                                  {PYCE_ARG_LOSS_KIND, "loss_kind"},
                                  {PYCE_ARG_NDIM, "ndim"},
                                  {PYCE_ARG_SHAPE, "shape"},
                                  {PYCE_ARG_AXIS, "axis"},
                                  {PYCE_ARG_NUM_THREADS, "num_threads"},
                                  {PYCE_ARG_ISA, "isa"},
                                  {PYCE_ARG_REDUCTION, "reduction"},
                                  {PYCE_ARG_DENOMINATOR, "denominator"},
                                  {PYCE_ARG_LABEL_SMOOTHING, "label_smoothing"},
                                  {PYCE_ARG_IGNORE_INDEX, "ignore_index"}};
    return FIND(table, argument);
}
