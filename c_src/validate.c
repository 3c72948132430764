/* validate.c: checks each argument once, before anything is computed, and words what is wrong. The same sentence
 * reaches C (pyce_error.message) and Python (the exception). */
#include "internal.h"

/* Kinds and numbers --------------------------------------------------------------------------------------------- */

static pyce_status check_numbers(const pyce_args *args, pyce_error *error) {
    const int32_t least = is_rows(args) ? 1 : 0;
    int32_t i;
    if (!pyce_loss_name(args->loss_kind)) {
        return pyce_fail(error, PYCE_ERROR_LOSS, PYCE_ARG_LOSS_KIND, args->loss_kind, "loss_kind %d is not a pyce_loss",
                         (int)args->loss_kind);
    }
    if (args->num_threads < 0) {
        return pyce_fail(error, PYCE_ERROR_THREADS, PYCE_ARG_NUM_THREADS, args->num_threads,
                         "num_threads is %d, must be 0 (automatic) or more", (int)args->num_threads);
    }
    if (!pyce_kernels_for(args->isa)) {
        const char *name = pyce_isa_name(args->isa);
        return pyce_fail(error, PYCE_ERROR_ISA, PYCE_ARG_ISA, args->isa, "isa %d (%s) is not available here",
                         (int)args->isa, name ? name : "unknown");
    }
    if (args->ndim < least || args->ndim > PYCE_MAX_NDIM) {
        return pyce_fail(error, PYCE_ERROR_NDIM, PYCE_ARG_NDIM, args->ndim, "ndim is %d, must be %d to %d",
                         (int)args->ndim, (int)least, PYCE_MAX_NDIM);
    }
    for (i = 0; i < args->ndim; i++) {
        if (args->shape[i] < 0) {
            return pyce_fail(error, PYCE_ERROR_SHAPE, PYCE_ARG_SHAPE, args->shape[i], "shape[%d] is %lld, negative",
                             (int)i, (long long)args->shape[i]);
        }
    }
    if (is_rows(args) && (args->axis < 0 || args->axis >= args->ndim)) {
        return pyce_fail(error, PYCE_ERROR_AXIS, PYCE_ARG_AXIS, args->axis, "axis is %d, must be 0 to %d",
                         (int)args->axis, (int)args->ndim - 1);
    }
    return PYCE_OK;
}

/* The options that are numbers. */
static pyce_status check_options(const pyce_args *args, pyce_error *error) {
    const double smoothing = args->label_smoothing, value = args->denominator_value;
    const int by_value = args->denominator == PYCE_DENOMINATOR_VALUE;
    if (args->reduction < PYCE_REDUCTION_NONE || args->reduction > PYCE_REDUCTION_MEAN) {
        return pyce_fail(error, PYCE_ERROR_OPTION, PYCE_ARG_REDUCTION, args->reduction,
                         "reduction %d is not a pyce_reduction", (int)args->reduction);
    }
    if (args->denominator < PYCE_DENOMINATOR_WEIGHTS || args->denominator > PYCE_DENOMINATOR_VALUE) {
        return pyce_fail(error, PYCE_ERROR_OPTION, PYCE_ARG_DENOMINATOR, args->denominator,
                         "denominator %d is not a pyce_denominator", (int)args->denominator);
    }
    if (args->denominator != PYCE_DENOMINATOR_WEIGHTS && args->reduction != PYCE_REDUCTION_MEAN) {
        return pyce_fail(error, PYCE_ERROR_OPTION, PYCE_ARG_DENOMINATOR, args->denominator,
                         "denominator is that of the mean: it needs the reduction mean");
    }
    if (by_value ? !(value > 0.0 && value - value == 0.0) : value != 0.0) {
        return pyce_fail(error, PYCE_ERROR_VALUE, PYCE_ARG_DENOMINATOR, 0,
                         by_value ? "denominator is %.17g, must be a finite number above 0"
                                  : "denominator_value is %.17g, but denominator does not call for it",
                         value);
    }
    if (!(smoothing >= 0.0 && smoothing <= 1.0)) {
        return pyce_fail(error, PYCE_ERROR_VALUE, PYCE_ARG_LABEL_SMOOTHING, 0,
                         "label_smoothing is %.17g, must be in [0, 1]", smoothing);
    }
    if (args->has_ignore_index && args->loss_kind != PYCE_SPARSE_SOFTMAX) {
        return pyce_fail(error, PYCE_ERROR_ARGUMENT, PYCE_ARG_IGNORE_INDEX, args->ignore_index,
                         "ignore_index is not an option of %s", pyce_loss_name(args->loss_kind));
    }
    return PYCE_OK;
}

/* Arrays -------------------------------------------------------------------------------------------------------- */

/* Which axes of the call an array has. */
enum { LIES_FULL, LIES_PER_ROW, LIES_ON_CLASSES, LIES_NOWHERE };

/* One array of the call, input or output, with what the checks need to know of it. */
typedef struct view {
    const void *data;
    const int64_t *stride;
    uintptr_t low, high; /* its bytes: low <= address < high; equal if it has none */
    pyce_argument argument;
    pyce_dtype dtype;
    int32_t reserved;
    int lies;
} view;

static view view_of(const pyce_args *args, pyce_argument argument, const void *data, const int64_t *stride,
                    pyce_dtype dtype, int32_t reserved, int lies) {
    view v;
    v.argument = argument;
    v.data = data;
    v.stride = stride;
    v.dtype = dtype;
    v.reserved = reserved;
    v.lies = lies == LIES_PER_ROW && !is_rows(args) ? LIES_FULL : lies;
    v.low = v.high = 0;
    return v;
}

static const char *name_of(const view *v) {
    return pyce_argument_name(v->argument);
}

static int skips(const pyce_args *args, const view *v, int32_t axis) {
    switch (v->lies) {
    case LIES_PER_ROW: return axis == args->axis;
    case LIES_ON_CLASSES: return axis != args->axis;
    case LIES_NOWHERE: return 1;
    default: return 0;
    }
}

static int is_empty(const pyce_args *args, const view *v) {
    int32_t i;
    for (i = 0; i < args->ndim; i++) {
        if (args->shape[i] == 0 && !skips(args, v, i)) return 1;
    }
    return 0;
}

/* Finds the bytes of an array. -1 if they do not fit the address space. */
static int find_bytes(const pyce_args *args, view *v) {
    const int64_t most = INT64_MAX / 16;
    const uint64_t size = (uint64_t)pyce_dtype_size(v->dtype);
    const uintptr_t base = (uintptr_t)v->data;
    int64_t before = 0, after = 0;
    int32_t i;
    v->low = v->high = base;
    if (is_empty(args, v)) return 0;
    for (i = 0; i < args->ndim; i++) {
        const int64_t steps = args->shape[i] - 1;
        const int64_t stride = v->stride[i];
        int64_t reach;
        if (steps <= 0 || stride == 0 || skips(args, v, i)) continue;
        if (stride > most || stride < -most || exceeds(steps, stride < 0 ? -stride : stride)) return -1;
        reach = steps * (stride < 0 ? -stride : stride);
        if (stride < 0) before += reach;
        else after += reach;
        if (before > most || after > most) return -1;
    }
    if ((uint64_t)before * size > base) return -1;
    if ((uint64_t)(after + 1) * size > UINTPTR_MAX - base) return -1;
    v->low = base - (uintptr_t)((uint64_t)before * size);
    v->high = base + (uintptr_t)((uint64_t)(after + 1) * size);
    return 0;
}

/* What C aligns a type to: eight bytes to four on i686. */
static uintptr_t alignment_of(pyce_dtype dtype) {
    struct float64 {
        char before;
        double value;
    };
    struct int64 {
        char before;
        int64_t value;
    };
    const size_t size = (size_t)pyce_dtype_size(dtype);
    if (size < 8) return size;
    return dtype == PYCE_FLOAT64 ? offsetof(struct float64, value) : offsetof(struct int64, value);
}

static pyce_status check_memory(const pyce_args *args, view *v, pyce_error *error) {
    if (v->reserved) {
        return pyce_fail(error, PYCE_ERROR_RESERVED, v->argument, v->reserved, "%s: reserved is %d, must be 0",
                         name_of(v), (int)v->reserved);
    }
    if (find_bytes(args, v)) {
        return pyce_fail(error, PYCE_ERROR_SHAPE, v->argument, 0,
                         "%s: shape and strides reach beyond the address space", name_of(v));
    }
    if ((uintptr_t)v->data & (alignment_of(v->dtype) - 1) && v->low != v->high) {
        return pyce_fail(error, PYCE_ERROR_ALIGNMENT, v->argument, 0, "%s: data is not aligned to its dtype %s",
                         name_of(v), pyce_dtype_name(v->dtype));
    }
    return PYCE_OK;
}

static int is_float(pyce_dtype dtype) {
    return dtype >= PYCE_FLOAT32 && dtype <= PYCE_BFLOAT16;
}

/* What an array may hold. */
typedef struct content {
    int (*holds)(pyce_dtype dtype);
    const char *words;
} content;

static int is_integer(pyce_dtype dtype) {
    return dtype >= PYCE_INT8 && pyce_dtype_size(dtype);
}

static int is_bool(pyce_dtype dtype) {
    return dtype == PYCE_BOOL;
}

static const content floats = {is_float, "a floating-point type"}, integers = {is_integer, "an integer type"},
                     bools = {is_bool, "bool"};

static pyce_status check_dtype(const view *v, content expected, pyce_error *error) {
    const char *came;
    if (expected.holds(v->dtype)) return PYCE_OK;
    came = pyce_dtype_name(v->dtype);
    return pyce_fail(error, PYCE_ERROR_DTYPE, v->argument, v->dtype, "%s: dtype is %s, expected %s", name_of(v),
                     came ? came : "unknown", expected.words);
}

static pyce_status check_input(const pyce_args *args, view *v, content expected, pyce_error *error) {
    const pyce_status status = check_dtype(v, expected, error);
    if (!v->data && !is_empty(args, v)) {
        return pyce_fail(error, PYCE_ERROR_NULL, v->argument, 0, "%s: data is NULL", name_of(v));
    }
    return status == PYCE_OK ? check_memory(args, v, error) : status;
}

/* Whether no two elements of an output share memory: sorted by stride, each axis steps over all the smaller ones. */
static int is_spread(const pyce_args *args, const view *v) {
    int64_t stride[PYCE_MAX_NDIM], extent[PYCE_MAX_NDIM], covered = 0;
    int32_t n = 0, i, j;
    for (i = 0; i < args->ndim; i++) {
        int64_t s = v->stride[i]; /* anything, where no step is taken */
        if (skips(args, v, i) || args->shape[i] <= 1) continue;
        s = s < 0 ? -s : s;
        for (j = n++; j > 0 && stride[j - 1] > s; j--) {
            stride[j] = stride[j - 1];
            extent[j] = extent[j - 1];
        }
        stride[j] = s;
        extent[j] = args->shape[i];
    }
    for (i = 0; i < n; i++) {
        if (stride[i] <= covered) return 0;
        covered += (extent[i] - 1) * stride[i];
    }
    return 1;
}

static pyce_status check_output(const pyce_args *args, view *v, pyce_error *error) {
    pyce_status status = check_dtype(v, v->argument == PYCE_ARG_CORRECT ? bools : floats, error);
    if (status == PYCE_OK) status = check_memory(args, v, error);
    if (status == PYCE_OK && v->low != v->high && !is_spread(args, v)) {
        return pyce_fail(error, PYCE_ERROR_STRIDE, v->argument, 0, "%s: its strides let elements overlap each other",
                         name_of(v));
    }
    return status;
}

/* grad over the logits: the very same elements */
static int is_in_place(const pyce_args *args, const view *out, const view *in) {
    int32_t i;
    if (out->argument != PYCE_ARG_GRAD || in->argument != PYCE_ARG_LOGITS) return 0;
    if (out->data != in->data || out->dtype != in->dtype) return 0;
    for (i = 0; i < args->ndim; i++) {
        if (args->shape[i] > 1 && out->stride[i] != in->stride[i]) return 0;
    }
    return 1;
}

static pyce_status check_overlap(const pyce_args *args, const view *inputs, int32_t input_count, const view *outputs,
                                 int32_t output_count, pyce_error *error) {
    int32_t i, j;
    for (i = 0; i < output_count; i++) {
        const view *out = outputs + i;
        for (j = 0; j < input_count + i; j++) {
            const view *other = j < input_count ? inputs + j : outputs + (j - input_count);
            if (out->low < other->high && other->low < out->high && !is_in_place(args, out, other)) {
                return pyce_fail(error, PYCE_ERROR_OVERLAP, out->argument, other->argument, "%s overlaps %s in memory",
                                 name_of(out), name_of(other));
            }
        }
    }
    return PYCE_OK;
}

/* Arrays and outputs that the loss or the outputs asked for do not use. */
static pyce_status check_uses(const pyce_args *args, pyce_error *error) {
    const char *loss = pyce_loss_name(args->loss_kind);
    if (args->pos_weight.data && args->loss_kind != PYCE_WEIGHTED) {
        return pyce_fail(error, PYCE_ERROR_ARGUMENT, PYCE_ARG_POS_WEIGHT, 0, "pos_weight is not an argument of %s",
                         loss);
    }
    if (args->class_weight.data && !is_rows(args)) {
        return pyce_fail(error, PYCE_ERROR_ARGUMENT, PYCE_ARG_CLASS_WEIGHT, 0, "class_weight is not an option of %s",
                         loss);
    }
    if (args->vector.data && !args->hvp.data) {
        return pyce_fail(error, PYCE_ERROR_ARGUMENT, PYCE_ARG_VECTOR, 0, "vector is given, but hvp is not asked for");
    }
    if (args->labels_grad.data && args->loss_kind == PYCE_SPARSE_SOFTMAX) {
        return pyce_fail(error, PYCE_ERROR_OUTPUT, PYCE_ARG_LABELS_GRAD, 0, "labels_grad is not an output of %s", loss);
    }
    return PYCE_OK;
}

enum { INPUTS = 7 };

static pyce_status check_inputs(const pyce_args *args, int labelled, view *inputs, int32_t *count, pyce_error *error) {
    const int sparse = args->loss_kind == PYCE_SPARSE_SOFTMAX, weighted = args->loss_kind == PYCE_WEIGHTED;
    pyce_status status = PYCE_OK;
#define ARRAY(member, argument, lies, condition, expected)                                                   \
    if (status == PYCE_OK && (condition)) {                                                                  \
        inputs[*count] = view_of(args, argument, args->member.data, args->member.stride, args->member.dtype, \
                                 args->member.reserved, lies);                                               \
        status = check_input(args, inputs + (*count)++, expected, error);                                    \
    }
    ARRAY(logits, PYCE_ARG_LOGITS, LIES_FULL, 1, floats)
    ARRAY(labels, PYCE_ARG_LABELS, sparse ? LIES_PER_ROW : LIES_FULL, labelled || args->labels.data,
          sparse ? integers : floats)
    ARRAY(pos_weight, PYCE_ARG_POS_WEIGHT, LIES_FULL, weighted && (labelled || args->pos_weight.data), floats)
    ARRAY(sample_weight, PYCE_ARG_SAMPLE_WEIGHT, LIES_PER_ROW, args->sample_weight.data, floats)
    ARRAY(where, PYCE_ARG_WHERE, LIES_PER_ROW, args->where.data, bools)
    ARRAY(class_weight, PYCE_ARG_CLASS_WEIGHT, LIES_ON_CLASSES, args->class_weight.data, floats)
    ARRAY(vector, PYCE_ARG_VECTOR, LIES_FULL, args->hvp.data, floats)
#undef ARRAY
    return status;
}

static pyce_status check_arrays(const pyce_args *args, pyce_error *error) {
    const int labelled = (pyce_needs(args) & NEEDS_LABELS) != 0;
    view inputs[INPUTS], outputs[OUTPUT_COUNT];
    int32_t input_count = 0, output_count = 0, i;
    pyce_status status = check_uses(args, error);
    if (status == PYCE_OK) status = check_inputs(args, labelled, inputs, &input_count, error);
    for (i = 0; i < OUTPUT_COUNT && status == PYCE_OK; i++) {
        const output_info *info = pyce_outputs + i;
        const pyce_output *out = output_of(args, i);
        const int reduced = info->argument == PYCE_ARG_LOSS && args->reduction != PYCE_REDUCTION_NONE;
        if (!out->data) continue;
        if (info->rows_only && !is_rows(args)) {
            return pyce_fail(error, PYCE_ERROR_OUTPUT, info->argument, 0, "%s is not an output of %s",
                             pyce_argument_name(info->argument), pyce_loss_name(args->loss_kind));
        }
        outputs[output_count] = view_of(args, info->argument, out->data, out->stride, out->dtype, out->reserved,
                                        reduced         ? LIES_NOWHERE
                                        : info->per_row ? LIES_PER_ROW
                                                        : LIES_FULL);
        status = check_output(args, outputs + output_count++, error);
    }
    if (status != PYCE_OK) return status;
    if (output_count == 0) return pyce_fail(error, PYCE_ERROR_OUTPUT, PYCE_ARG_NONE, 0, "no output is asked for");
    status = check_overlap(args, inputs, input_count, outputs, output_count, error);
    if (status == PYCE_OK && args->loss_kind == PYCE_SPARSE_SOFTMAX && labelled) {
        status = pyce_check_labels(args, error);
    }
    return status;
}

pyce_status pyce_validate(const pyce_args *args, pyce_error *error) {
    pyce_status status = check_numbers(args, error);
    int64_t rows;
    if (status == PYCE_OK) status = check_options(args, error);
    if (status != PYCE_OK) return status;
    rows = is_rows(args) ? pyce_count_elements(args, 1) : 0;
    if (rows < 0 || pyce_count_elements(args, 0) < 0) {
        return pyce_fail(error, PYCE_ERROR_SHAPE, PYCE_ARG_SHAPE, 0, "shape has more elements than can be addressed");
    }
    if (is_rows(args) && args->shape[args->axis] == 0 && rows > 0) {
        return pyce_fail(error, PYCE_ERROR_CLASSES, PYCE_ARG_SHAPE, 0,
                         "zero classes: the class axis %d of %lld rows is empty", (int)args->axis, (long long)rows);
    }
    return check_arrays(args, error);
}
