/* labels.c: index labels of any integer type: reading one, and checking all of them before a call writes anything. */
#include "internal.h"

int64_t pyce_read_label(const void *data, pyce_dtype dtype, int64_t offset) {
    switch (dtype) {
    case PYCE_INT8: return ((const int8_t *)data)[offset];
    case PYCE_INT16: return ((const int16_t *)data)[offset];
    case PYCE_INT32: return ((const int32_t *)data)[offset];
    case PYCE_UINT8: return ((const uint8_t *)data)[offset];
    case PYCE_UINT16: return ((const uint16_t *)data)[offset];
    case PYCE_UINT32: return ((const uint32_t *)data)[offset];
    default: return ((const int64_t *)data)[offset]; /* uint64 too: see internal.h */
    }
}

/* Loops for each type: a choice for every label took longer than the loss of two classes. */
typedef struct label_loops {
    /* the labels, -1 where one is outside 0 .. classes - 1 */
    void (*read)(const void *data, int64_t stride, int64_t n, uint64_t classes, int64_t *to);
    /* whether any of them is */
    int (*any_outside)(const void *data, int64_t stride, int64_t n, uint64_t classes);
} label_loops;

/* Whether a label v is outside 0 .. last, last = classes - 1: the sign of v or of last - v is set then. The baseline's
 * vectors have no comparison of 64 bits: with one, checking labels of 64 bits took three times as long. */
static inline uint64_t is_outside(uint64_t v, uint64_t last) {
    return (v | (last - v)) >> 63;
}

#define LABEL_LOOPS(type)                                                                                 \
    static void read_##type(const void *data, int64_t stride, int64_t n, uint64_t classes, int64_t *to) { \
        const type *labels = (const type *)data;                                                          \
        int64_t i;                                                                                        \
        for (i = 0; i < n; i++) {                                                                         \
            const uint64_t value = (uint64_t)(int64_t)labels[i * stride];                                 \
            to[i] = (int64_t)(value | (0 - is_outside(value, classes - 1)));                              \
        }                                                                                                 \
    }                                                                                                     \
    static int any_outside_##type(const void *data, int64_t stride, int64_t n, uint64_t classes) {        \
        const type *labels = (const type *)data;                                                          \
        uint64_t outside = 0;                                                                             \
        int64_t i;                                                                                        \
        for (i = 0; i < n; i++) {                                                                         \
            outside |= is_outside((uint64_t)(int64_t)labels[i * stride], classes - 1);                    \
        }                                                                                                 \
        return outside != 0;                                                                              \
    }                                                                                                     \
    static const label_loops loops_##type = {read_##type, any_outside_##type};
LABEL_LOOPS(int8_t)
LABEL_LOOPS(int16_t)
LABEL_LOOPS(int32_t)
LABEL_LOOPS(int64_t)
LABEL_LOOPS(uint8_t)
LABEL_LOOPS(uint16_t)
LABEL_LOOPS(uint32_t)

static const label_loops *loops_of(pyce_dtype dtype) {
    switch (dtype) {
    case PYCE_INT8: return &loops_int8_t;
    case PYCE_INT16: return &loops_int16_t;
    case PYCE_INT32: return &loops_int32_t;
    case PYCE_UINT8: return &loops_uint8_t;
    case PYCE_UINT16: return &loops_uint16_t;
    case PYCE_UINT32: return &loops_uint32_t;
    default: return &loops_int64_t; /* uint64 too: see internal.h */
    }
}

void pyce_read_labels(const void *data, pyce_dtype dtype, int64_t offset, int64_t stride, int64_t n, int64_t classes,
                      int64_t *to) {
    const char *start = (const char *)data + offset * pyce_dtype_size(dtype);
    loops_of(dtype)->read(start, stride, n, (uint64_t)classes, to);
}

int pyce_is_ignored(const pyce_args *args, int64_t offset) {
    const int64_t value = pyce_read_label(args->labels.data, args->labels.dtype, offset);
    const int wraps = args->labels.dtype == PYCE_UINT64 && value < 0; /* above INT64_MAX: no int64 equals it */
    return args->has_ignore_index && value == args->ignore_index && !wraps;
}

/* Whether a row is masked, so that its label does not count. */
static int is_masked(const pyce_args *args, int64_t label_offset, int64_t where_offset) {
    const char *where = (const char *)args->where.data;
    return (where && !where[where_offset]) || pyce_is_ignored(args, label_offset);
}

static pyce_status bad_label(const pyce_args *args, int64_t index, int64_t value, pyce_error *error) {
    const long long last = (long long)args->shape[args->axis] - 1;
    error->index = index;
    if (args->labels.dtype == PYCE_UINT64 && value < 0) {
        return pyce_fail(error, PYCE_ERROR_LABEL, PYCE_ARG_LABELS, value,
                         "labels: the value at index %lld is %llu, outside the range 0 to %lld", (long long)index,
                         (unsigned long long)value, last);
    }
    return pyce_fail(error, PYCE_ERROR_LABEL, PYCE_ARG_LABELS, value,
                     "labels: the value at index %lld is %lld, outside the range 0 to %lld", (long long)index,
                     (long long)value, last);
}

/* In C order over the labels' own shape, a run of the last axis at a time. */
pyce_status pyce_check_labels(const pyce_args *args, pyce_error *error) {
    const pyce_array *labels = &args->labels, *where = &args->where;
    const uint64_t classes = (uint64_t)args->shape[args->axis];
    const label_loops *loops = loops_of(labels->dtype);
    const int64_t size = pyce_dtype_size(labels->dtype);
    const char *data = (const char *)labels->data;
    int64_t at[PYCE_MAX_NDIM] = {0}, index = 0, offset = 0, mask = 0, n = 1, stride = 0, mask_stride = 0, i;
    int32_t axes[PYCE_MAX_NDIM], outer = 0, k;
    if (pyce_count_elements(args, 1) == 0) return PYCE_OK;
    for (k = 0; k < args->ndim; k++) {
        if (k != args->axis && args->shape[k] != 1) axes[outer++] = k; /* the stride of an extent of 1 is anything */
    }
    if (outer) {
        outer--;
        n = args->shape[axes[outer]];
        stride = labels->stride[axes[outer]];
        mask_stride = where->stride[axes[outer]];
    }
    for (;;) {
        if (loops->any_outside(data + offset * size, stride, n, classes)) {
            for (i = 0; i < n; i++) {
                const int64_t value = pyce_read_label(labels->data, labels->dtype, offset + i * stride);
                if ((uint64_t)value >= classes && !is_masked(args, offset + i * stride, mask + i * mask_stride)) {
                    return bad_label(args, index + i, value, error);
                }
            }
        }
        index += n;
        for (k = outer - 1; k >= 0; k--) {
            offset += labels->stride[axes[k]];
            mask += where->stride[axes[k]];
            if (++at[k] < args->shape[axes[k]]) break;
            offset -= at[k] * labels->stride[axes[k]];
            mask -= at[k] * where->stride[axes[k]];
            at[k] = 0;
        }
        if (k < 0) return PYCE_OK;
    }
}
