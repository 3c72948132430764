/* Which calls pyce_compute must take and which it must refuse, from the words of the header. Sizes are checked as the
 * library would have to, but where it may choose (between what an address can reach and what there is) the call is not
 * run: it would take for ever. */
#include "arguments.h"

#include "arena.h"

static const int64_t MOST_ELEMENTS = 1 << 18;       /* of a call that is run */
static const int64_t UNREACHABLE = (int64_t)1 << 60; /* elements beyond any address */

/* a * b, or UNREACHABLE if it is at least that; neither is negative. */
static int64_t product(int64_t a, int64_t b) {
    return b != 0 && a > (UNREACHABLE - 1) / b ? UNREACHABLE : a * b;
}

static int64_t count(const pyce_args *args, int per_row) {
    int64_t n = 1;
    int32_t i, empty = 0;
    for (i = 0; i < args->ndim; i++) {
        if (per_row && i == args->axis) continue;
        if (args->shape[i] == 0) empty = 1;
        else n = product(n, args->shape[i]);
    }
    return empty ? 0 : n;
}

static int is_float(pyce_dtype dtype) {
    return dtype >= PYCE_FLOAT32 && dtype <= PYCE_BFLOAT16;
}

static int has_dtype(const pyce_args *args, int which, pyce_dtype dtype) {
    if (which == WHERE || which == CORRECT) return dtype == PYCE_BOOL;
    if (which == LABELS && args->loss_kind == PYCE_SPARSE_SOFTMAX) return dtype >= PYCE_INT8 && size_of(dtype);
    return is_float(dtype);
}

static int numbers_are_right(const pyce_args *args) {
    int32_t i;
    if (args->loss_kind < PYCE_SIGMOID || args->loss_kind > PYCE_SPARSE_SOFTMAX) return 0;
    if (args->num_threads < 0) return 0;
    if (args->isa != PYCE_ISA_AUTO && !pyce_isa_available(args->isa)) return 0;
    if (args->ndim < is_rows(args) || args->ndim > PYCE_MAX_NDIM) return 0;
    for (i = 0; i < args->ndim; i++) {
        if (args->shape[i] < 0) return 0;
    }
    return !is_rows(args) || (args->axis >= 0 && args->axis < args->ndim);
}

static int options_are_right(const pyce_args *args) {
    const double smoothing = args->label_smoothing, value = args->denominator_value;
    if (args->reduction < PYCE_REDUCTION_NONE || args->reduction > PYCE_REDUCTION_MEAN) return 0;
    if (args->denominator < PYCE_DENOMINATOR_WEIGHTS || args->denominator > PYCE_DENOMINATOR_VALUE) return 0;
    if (args->denominator && args->reduction != PYCE_REDUCTION_MEAN) return 0;
    if (args->denominator == PYCE_DENOMINATOR_VALUE ? !(value > 0 && value <= 1.7976931348623157e308) : value != 0) {
        return 0;
    }
    if (!(smoothing >= 0 && smoothing <= 1)) return 0;
    return !args->has_ignore_index || args->loss_kind == PYCE_SPARSE_SOFTMAX;
}

static int arrays_are_used(const pyce_args *args) {
    int i, outputs = 0;
    for (i = OUTPUTS; i < ARRAYS; i++) outputs += array_of(args, i).data != NULL;
    if (args->pos_weight.data && args->loss_kind != PYCE_WEIGHTED) return 0;
    if (args->class_weight.data && !is_rows(args)) return 0;
    if (args->vector.data && !args->hvp.data) return 0;
    if (args->labels_grad.data && args->loss_kind == PYCE_SPARSE_SOFTMAX) return 0;
    if ((args->lse.data || args->correct.data) && !is_rows(args)) return 0;
    return outputs > 0;
}

static int is_needed(const pyce_args *args, int which) {
    switch (which) {
    case LOGITS: return 1;
    case LABELS: return needs_labels(args);
    case POS_WEIGHT: return needs_labels(args) && args->loss_kind == PYCE_WEIGHTED;
    case VECTOR: return args->hvp.data != NULL;
    default: return 0;
    }
}

/* Where an array lies: its bytes; equal if there are none. */
typedef struct place {
    uintptr_t low, high;
} place;

static verdict find_place(const pyce_args *args, int which, place *p) {
    const pyce_array a = array_of(args, which);
    const uint64_t size = (uint64_t)size_of(a.dtype);
    const uintptr_t base = (uintptr_t)a.data;
    const walk w = walk_of(args, which);
    int64_t before = 0, after = 0;
    int32_t i;
    p->low = p->high = base;
    if (!has_dtype(args, which, a.dtype) || a.reserved) return REFUSES;
    if (!a.data) return w.empty ? TAKES : REFUSES; /* it is needed */
    if (w.empty) return TAKES;
    for (i = 0; i < w.axes; i++) {
        const int64_t stride = w.stride[i], steps = w.extent[i] - 1;
        if (stride == INT64_MIN) return REFUSES;
        if (stride < 0) before += product(-stride, steps);
        else after += product(stride, steps);
        if (before >= UNREACHABLE || after >= UNREACHABLE) return REFUSES;
    }
    if ((uint64_t)before * size > base || (uint64_t)(after + 1) * size > UINTPTR_MAX - base) return REFUSES;
    if (base % size) return REFUSES;
    p->low = base - (uintptr_t)((uint64_t)before * size);
    p->high = base + (uintptr_t)((uint64_t)(after + 1) * size);
    return arena_find(p->low, p->high) ? TAKES : NOT_TO_BE_RUN;
}

static int is_in_place(const pyce_args *args, int a, int b) {
    int32_t i;
    if (a != LOGITS || b != GRAD || args->logits.data != args->grad.data || args->logits.dtype != args->grad.dtype) {
        return 0;
    }
    for (i = 0; i < args->ndim; i++) {
        if (args->shape[i] > 1 && args->logits.stride[i] != args->grad.stride[i]) return 0;
    }
    return 1;
}

/* An output whose axes can be sorted so that each steps over all that is within it has no element twice. The library
 * may refuse others, also those that have none twice. */
static int is_nested(walk w) {
    int64_t covered = 0;
    int32_t done, i;
    for (done = 0; done < w.axes; done++) {
        int32_t least = -1;
        for (i = 0; i < w.axes; i++) {
            if (w.stride[i] < 0) w.stride[i] = -w.stride[i];
            if (w.extent[i] && (least < 0 || w.stride[i] < w.stride[least])) least = i;
        }
        if (w.stride[least] <= covered) return 0;
        covered += (w.extent[least] - 1) * w.stride[least];
        w.extent[least] = 0;
    }
    return 1;
}

static int has_twice(const pyce_args *args, int which, const place *p) {
    static uint8_t seen[SLAB_BYTES];
    const int64_t size = size_of(array_of(args, which).dtype), span = (int64_t)(p->high - p->low) / size;
    const uint8_t *data = array_of(args, which).data;
    walk w = walk_of(args, which);
    int64_t n = 1, first;
    int32_t i;
    for (i = 0; i < w.axes; i++) n = product(n, w.extent[i]);
    if (n > span) return 1;
    first = (int64_t)((uintptr_t)data - p->low) / size;
    memset(seen, 0, (size_t)span);
    do {
        if (seen[first + w.offset]++) return 1;
    } while (walk_on(&w));
    return 0;
}

static verdict judge_output(const pyce_args *args, int which, const place *p) {
    if (p->low == p->high || is_nested(walk_of(args, which))) return TAKES;
    return has_twice(args, which, p) ? REFUSES : MAY_REFUSE;
}

static verdict judge_arrays(const pyce_args *args) {
    place places[ARRAYS];
    verdict result = TAKES;
    int i, j;
    for (i = 0; i < ARRAYS; i++) {
        verdict now;
        places[i].low = places[i].high = 0;
        if (!array_of(args, i).data && !is_needed(args, i)) continue;
        now = find_place(args, i, places + i);
        if (now == TAKES && i >= OUTPUTS) now = judge_output(args, i, places + i);
        if (now == REFUSES) return REFUSES;
        if (now != TAKES && result != NOT_TO_BE_RUN) result = now;
    }
    for (i = OUTPUTS; i < ARRAYS; i++) {
        for (j = 0; j < i; j++) {
            const int meet = places[i].low < places[j].high && places[j].low < places[i].high;
            const int empty = places[i].low == places[i].high || places[j].low == places[j].high;
            if (!meet || is_in_place(args, j, i)) continue;
            if (!empty) return REFUSES;
            if (result == TAKES) result = MAY_REFUSE;
        }
    }
    return result;
}

static int is_masked(const pyce_args *args, label l, const walk *mask) {
    const int64_t ignored = args->ignore_index;
    if (args->where.data && !((const uint8_t *)args->where.data)[mask->offset]) return 1;
    if (!args->has_ignore_index) return 0;
    return l.negative == (ignored < 0) && l.value == (uint64_t)ignored;
}

/* The first label in C order that is no class, unless it is masked; -1 if there is none. */
static int64_t find_bad_label(const pyce_args *args) {
    walk w = walk_of(args, LABELS), mask = walk_of(args, WHERE);
    if (w.empty) return -1;
    do {
        const label l = label_at(args->labels.data, args->labels.dtype, w.offset);
        if ((l.negative || l.value >= (uint64_t)args->shape[args->axis]) && !is_masked(args, l, &mask)) return w.index;
        if (args->where.data) walk_on(&mask);
    } while (walk_on(&w));
    return -1;
}

verdict judge(const pyce_args *args, int64_t *bad_label) {
    verdict result;
    int64_t rows;
    *bad_label = -1;
    if (!numbers_are_right(args) || !options_are_right(args)) return REFUSES;
    rows = is_rows(args) ? count(args, 1) : 0;
    if (rows >= UNREACHABLE || count(args, 0) >= UNREACHABLE) return REFUSES;
    if (is_rows(args) && args->shape[args->axis] == 0 && rows > 0) return REFUSES;
    if (!arrays_are_used(args)) return REFUSES;
    result = judge_arrays(args);
    if (result == REFUSES) return REFUSES;
    if (rows > MOST_ELEMENTS || count(args, 0) > MOST_ELEMENTS) return NOT_TO_BE_RUN;
    if (result == NOT_TO_BE_RUN || args->loss_kind != PYCE_SPARSE_SOFTMAX || !needs_labels(args)) return result;
    *bad_label = find_bad_label(args);
    if (*bad_label < 0) return result;
    return result == TAKES ? REFUSES_LABEL : REFUSES;
}
