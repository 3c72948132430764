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

/* One loop for each type: a choice for every label took longer than the loss of two classes. */
#define READ_LABELS(type)                                                                                       \
    static void read_labels_##type(const void *data, int64_t stride, int64_t n, int64_t classes, int64_t *to) { \
        const type *labels = (const type *)data;                                                                \
        int64_t i;                                                                                              \
        for (i = 0; i < n; i++) {                                                                               \
            const int64_t value = (int64_t)labels[i * stride];                                                  \
            to[i] = (uint64_t)value < (uint64_t)classes ? value : -1;                                           \
        }                                                                                                       \
    }
READ_LABELS(int8_t)
READ_LABELS(int16_t)
READ_LABELS(int32_t)
READ_LABELS(int64_t)
READ_LABELS(uint8_t)
READ_LABELS(uint16_t)
READ_LABELS(uint32_t)

void pyce_read_labels(const void *data, pyce_dtype dtype, int64_t offset, int64_t stride, int64_t n, int64_t classes,
                      int64_t *to) {
    const char *start = (const char *)data + offset * pyce_dtype_size(dtype);
    switch (dtype) {
    case PYCE_INT8: read_labels_int8_t(start, stride, n, classes, to); return;
    case PYCE_INT16: read_labels_int16_t(start, stride, n, classes, to); return;
    case PYCE_INT32: read_labels_int32_t(start, stride, n, classes, to); return;
    case PYCE_UINT8: read_labels_uint8_t(start, stride, n, classes, to); return;
    case PYCE_UINT16: read_labels_uint16_t(start, stride, n, classes, to); return;
    case PYCE_UINT32: read_labels_uint32_t(start, stride, n, classes, to); return;
    default: read_labels_int64_t(start, stride, n, classes, to); return;
    }
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

/* Whether any of n labels is outside 0 .. classes - 1; a negative one is a great unsigned one. */
#define ANY_OUTSIDE(type)                                                                                \
    static int any_outside_##type(const void *data, int64_t stride, int64_t n, uint64_t classes) {       \
        const type *labels = (const type *)data;                                                         \
        uint64_t outside = 0;                                                                            \
        int64_t i;                                                                                       \
        for (i = 0; i < n; i++) outside |= (uint64_t)((uint64_t)(int64_t)labels[i * stride] >= classes); \
        return outside != 0;                                                                             \
    }
ANY_OUTSIDE(int8_t)
ANY_OUTSIDE(int16_t)
ANY_OUTSIDE(int32_t)
ANY_OUTSIDE(int64_t)
ANY_OUTSIDE(uint8_t)
ANY_OUTSIDE(uint16_t)
ANY_OUTSIDE(uint32_t)

static int any_outside(const void *data, pyce_dtype dtype, int64_t offset, int64_t stride, int64_t n,
                       uint64_t classes) {
    const char *start = (const char *)data + offset * pyce_dtype_size(dtype);
    switch (dtype) {
    case PYCE_INT8: return any_outside_int8_t(start, stride, n, classes);
    case PYCE_INT16: return any_outside_int16_t(start, stride, n, classes);
    case PYCE_INT32: return any_outside_int32_t(start, stride, n, classes);
    case PYCE_UINT8: return any_outside_uint8_t(start, stride, n, classes);
    case PYCE_UINT16: return any_outside_uint16_t(start, stride, n, classes);
    case PYCE_UINT32: return any_outside_uint32_t(start, stride, n, classes);
    default: return any_outside_int64_t(start, stride, n, classes);
    }
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
        if (any_outside(labels->data, labels->dtype, offset, stride, n, classes)) {
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
