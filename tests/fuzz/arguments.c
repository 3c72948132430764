/* Arrays of a call: where they stand in it, which axes they have, how to walk them. */
#include "arguments.h"

static const size_t offsets[ARRAYS] = {
    offsetof(pyce_args, logits),   offsetof(pyce_args, labels),       offsetof(pyce_args, pos_weight),
    offsetof(pyce_args, sample_weight), offsetof(pyce_args, where),   offsetof(pyce_args, class_weight),
    offsetof(pyce_args, vector),   offsetof(pyce_args, loss),         offsetof(pyce_args, grad),
    offsetof(pyce_args, hess),     offsetof(pyce_args, lse),          offsetof(pyce_args, prob),
    offsetof(pyce_args, log_prob), offsetof(pyce_args, correct),      offsetof(pyce_args, labels_grad),
    offsetof(pyce_args, hvp)};

static const pyce_argument arguments[ARRAYS] = {
    PYCE_ARG_LOGITS, PYCE_ARG_LABELS, PYCE_ARG_POS_WEIGHT, PYCE_ARG_SAMPLE_WEIGHT, PYCE_ARG_WHERE,
    PYCE_ARG_CLASS_WEIGHT, PYCE_ARG_VECTOR, PYCE_ARG_LOSS, PYCE_ARG_GRAD, PYCE_ARG_HESS, PYCE_ARG_LSE,
    PYCE_ARG_PROB, PYCE_ARG_LOG_PROB, PYCE_ARG_CORRECT, PYCE_ARG_LABELS_GRAD, PYCE_ARG_HVP};

pyce_array array_of(const pyce_args *args, int which) {
    pyce_array array;
    memcpy(&array, (const char *)args + offsets[which], sizeof array);
    return array;
}

void set_array(pyce_args *args, int which, const pyce_array *array) {
    memcpy((char *)args + offsets[which], array, sizeof *array);
}

pyce_argument argument_of(int which) {
    return arguments[which];
}

int is_rows(const pyce_args *args) {
    return args->loss_kind == PYCE_SOFTMAX || args->loss_kind == PYCE_SPARSE_SOFTMAX;
}

int64_t size_of(pyce_dtype dtype) {
    static const signed char sizes[25] = {
        [PYCE_FLOAT32] = 4, [PYCE_FLOAT64] = 8, [PYCE_FLOAT16] = 2, [PYCE_BFLOAT16] = 2, [PYCE_BOOL] = 1,
        [PYCE_INT8] = 1,    [PYCE_INT16] = 2,   [PYCE_INT32] = 4,   [PYCE_INT64] = 8,    [PYCE_UINT8] = 1,
        [PYCE_UINT16] = 2,  [PYCE_UINT32] = 4,  [PYCE_UINT64] = 8};
    return dtype >= 0 && dtype < 25 ? sizes[dtype] : 0;
}

int needs_labels(const pyce_args *args) {
    return args->loss.data || args->grad.data || args->hess.data || args->correct.data || args->labels_grad.data ||
           args->hvp.data;
}

pyce_dtype compute_type(const pyce_args *args) {
    int i;
    if (args->logits.dtype == PYCE_FLOAT64) return PYCE_FLOAT64;
    if (needs_labels(args) && args->labels.dtype == PYCE_FLOAT64) return PYCE_FLOAT64;
    for (i = OUTPUTS; i < ARRAYS; i++) {
        const pyce_array a = array_of(args, i);
        if (a.data && a.dtype == PYCE_FLOAT64) return PYCE_FLOAT64;
    }
    return PYCE_FLOAT32;
}

int has_axis(const pyce_args *args, int which, int32_t axis) {
    switch (which) {
    case LOSS:
        if (args->reduction != PYCE_REDUCTION_NONE) return 0;
        break;
    case LABELS:
        if (args->loss_kind != PYCE_SPARSE_SOFTMAX) return 1;
        break;
    case CLASS_WEIGHT: return axis == args->axis;
    case SAMPLE_WEIGHT:
    case WHERE:
    case LSE:
    case CORRECT: break;
    default: return 1;
    }
    return !is_rows(args) || axis != args->axis;
}

walk walk_of(const pyce_args *args, int which) {
    const pyce_array array = array_of(args, which);
    walk w;
    int32_t i;
    memset(&w, 0, sizeof w);
    for (i = 0; i < args->ndim; i++) {
        if (!has_axis(args, which, i)) continue;
        if (args->shape[i] == 0) w.empty = 1;
        if (args->shape[i] == 1) continue; /* its stride is anything */
        w.extent[w.axes] = args->shape[i];
        w.stride[w.axes++] = array.stride[i];
    }
    return w;
}

int walk_on(walk *w) {
    int32_t i;
    w->index++;
    for (i = w->axes - 1; i >= 0; i--) {
        w->offset += w->stride[i];
        if (++w->at[i] < w->extent[i]) return 1;
        w->offset -= w->extent[i] * w->stride[i];
        w->at[i] = 0;
    }
    return 0;
}

#define SIGNED_LABEL(type)                           \
    {                                                \
        const type v = ((const type *)data)[offset]; \
        return (label){(uint64_t)(int64_t)v, v < 0}; \
    }
#define UNSIGNED_LABEL(type) return (label){((const type *)data)[offset], 0};

label label_at(const void *data, pyce_dtype dtype, int64_t offset) {
    switch (dtype) {
    case PYCE_INT8: SIGNED_LABEL(int8_t)
    case PYCE_INT16: SIGNED_LABEL(int16_t)
    case PYCE_INT32: SIGNED_LABEL(int32_t)
    case PYCE_INT64: SIGNED_LABEL(int64_t)
    case PYCE_UINT8: UNSIGNED_LABEL(uint8_t)
    case PYCE_UINT16: UNSIGNED_LABEL(uint16_t)
    case PYCE_UINT32: UNSIGNED_LABEL(uint32_t)
    default: UNSIGNED_LABEL(uint64_t)
    }
}
