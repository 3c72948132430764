/* args.c: what a pyce_args says, for all who read one: its outputs, its sizes, whether it can be taken at all; and
 * how an error is put into words. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>

/* per_row, rows_only, needs */
const output_info pyce_outputs[OUTPUT_COUNT] = {
    {offsetof(pyce_args, loss), PYCE_ARG_LOSS, 1, 0, NEEDS_LABELS | NEEDS_WEIGHTS},
    {offsetof(pyce_args, grad), PYCE_ARG_GRAD, 0, 0, NEEDS_LABELS | NEEDS_WEIGHTS},
    {offsetof(pyce_args, hess), PYCE_ARG_HESS, 0, 0, NEEDS_LABELS | NEEDS_WEIGHTS},
    {offsetof(pyce_args, lse), PYCE_ARG_LSE, 1, 1, 0},
    {offsetof(pyce_args, prob), PYCE_ARG_PROB, 0, 0, 0},
    {offsetof(pyce_args, log_prob), PYCE_ARG_LOG_PROB, 0, 0, 0},
    {offsetof(pyce_args, correct), PYCE_ARG_CORRECT, 1, 1, NEEDS_LABELS},
    {offsetof(pyce_args, labels_grad), PYCE_ARG_LABELS_GRAD, 0, 0, NEEDS_LABELS | NEEDS_WEIGHTS},
    {offsetof(pyce_args, hvp), PYCE_ARG_HVP, 0, 0, NEEDS_LABELS | NEEDS_WEIGHTS},
};

/* The layout is ABI: the same in the 64-bit and the 32-bit model. What the first version had stays where it was. A new
 * field goes behind it and is named as the last one here; padding at the end is refused, since it would be a later
 * field that older programs have not set to 0. */
#define LAST_OF_ARGS has_ignore_index
#define LAST_OF_ERROR message
#define ENDS_WITH(type, last) \
    (sizeof(type) == offsetof(type, last) + sizeof(((type *)0)->last) && sizeof(type) % 8 == 0)
typedef char assert_array_size[sizeof(pyce_array) == 80 && sizeof(pyce_output) == 80 ? 1 : -1];
typedef char assert_first_args[offsetof(pyce_args, loss_kind) == 1376 &&
                                       offsetof(pyce_args, has_ignore_index) + sizeof(int32_t) == FIRST_ARGS_SIZE
                                   ? 1
                                   : -1];
typedef char assert_first_error[offsetof(pyce_error, message) + PYCE_MESSAGE_SIZE == FIRST_ERROR_SIZE ? 1 : -1];
typedef char assert_no_padding[ENDS_WITH(pyce_args, LAST_OF_ARGS) && ENDS_WITH(pyce_error, LAST_OF_ERROR) ? 1 : -1];

pyce_status pyce_fail(pyce_error *error, pyce_status status, pyce_argument argument, int64_t value, const char *format,
                      ...) {
    va_list list;
    error->status = status;
    error->argument = argument;
    error->value = value;
    va_start(list, format);
    vsnprintf(error->message, sizeof error->message, format, list);
    va_end(list);
    return status;
}

pyce_status pyce_check_size(const pyce_args *given, pyce_error *error) {
    const int64_t known = (int64_t)sizeof *given, most = 4096; /* pyce.h promises it */
    const unsigned char *bytes = (const unsigned char *)given;
    int64_t size, i;
    if (!given) return pyce_fail(error, PYCE_ERROR_NULL, PYCE_ARG_ARGS, 0, "args is NULL");
    size = given->struct_size;
    if (size < FIRST_ARGS_SIZE || size > most) {
        return pyce_fail(error, PYCE_ERROR_STRUCT_SIZE, PYCE_ARG_ARGS, size,
                         "args.struct_size is %lld, expected %lld: start from pyce_args_init()", (long long)size,
                         (long long)known);
    }
    for (i = known; i < size; i++) {
        if (bytes[i]) {
            return pyce_fail(error, PYCE_ERROR_STRUCT_SIZE, PYCE_ARG_ARGS, i,
                             "args has a non-zero field at byte %lld, which this version (%s) does not know",
                             (long long)i, pyce_version());
        }
    }
    return PYCE_OK;
}

int64_t pyce_dtype_size(pyce_dtype dtype) {
    switch (dtype) {
    case PYCE_FLOAT32:
    case PYCE_INT32:
    case PYCE_UINT32: return 4;
    case PYCE_FLOAT64:
    case PYCE_INT64:
    case PYCE_UINT64: return 8;
    case PYCE_FLOAT16:
    case PYCE_BFLOAT16:
    case PYCE_INT16:
    case PYCE_UINT16: return 2;
    case PYCE_INT8:
    case PYCE_UINT8:
    case PYCE_BOOL: return 1;
    default: return 0;
    }
}

int32_t pyce_needs(const pyce_args *args) {
    int32_t needs = 0, i;
    for (i = 0; i < OUTPUT_COUNT; i++) needs |= output_of(args, i)->data ? pyce_outputs[i].needs : 0;
    return needs;
}

/* The whole shape, or the shape without the class axis. */
int64_t pyce_count_elements(const pyce_args *args, int per_row) {
    int64_t count = 1;
    int32_t i;
    for (i = 0; i < args->ndim; i++) {
        if (args->shape[i] == 0 && !(per_row && i == args->axis)) return 0;
    }
    for (i = 0; i < args->ndim; i++) {
        if (per_row && i == args->axis) continue;
        if (exceeds(args->shape[i], count)) return -1;
        count *= args->shape[i];
    }
    return count;
}
