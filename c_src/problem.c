/* problem.c: brings a validated call to the form of problem.h, and walks its blocks. */
#include "problem.h"

#include <string.h>

enum { SERIAL_ELEMENTS = 32768 }; /* below, starting threads costs more than it gains */

/* Of an absent array the pointer and the dtype are set, to nothing. */
static void set_input(operand *to, const pyce_array *a, int wanted) {
    to->in = wanted ? (const char *)a->data : NULL;
    to->dtype = to->in ? a->dtype : 0;
    if (to->in) to->size = pyce_dtype_size(a->dtype);
}

static void set_output(operand *to, const pyce_output *a, int wanted) {
    to->out = wanted ? (char *)a->data : NULL;
    to->dtype = to->out ? a->dtype : 0;
    if (to->out) to->size = pyce_dtype_size(a->dtype);
}

/* Where the inputs stand in pyce_args, in the order of IN_*. */
static const size_t input_offsets[IN_COUNT] = {offsetof(pyce_args, logits),     offsetof(pyce_args, labels),
                                               offsetof(pyce_args, pos_weight), offsetof(pyce_args, sample_weight),
                                               offsetof(pyce_args, where),      offsetof(pyce_args, vector)};

static const pyce_array *input_of(const pyce_args *args, int32_t i) {
    return (const pyce_array *)(const void *)((const char *)args + input_offsets[i]);
}

static void list_used(problem *p) {
    int32_t i;
    p->ins = p->outs = 0;
    for (i = 0; i < IN_COUNT; i++) {
        if (p->in[i].in) p->in_used[p->ins++] = i;
    }
    for (i = 0; i < OUTPUT_COUNT; i++) {
        if (p->out[i].out) p->out_used[p->outs++] = i;
    }
}

/* The axes without the class axis and those of extent 1, the logits' greatest stride first: the order does not change
 * a result, and this one reads memory in its own order. Sums over losses need C order. */
static int32_t order_axes(const problem *p, int32_t *axes) {
    const pyce_args *args = p->args;
    int32_t count = 0, i, j;
    for (i = 0; i < args->ndim; i++) {
        int64_t s = args->logits.stride[i]; /* anything, where no step is taken */
        if ((is_rows(args) && i == args->axis) || args->shape[i] == 1) continue;
        s = s < 0 ? -s : s;
        for (j = count++; j > 0; j--) {
            const int64_t before = args->logits.stride[axes[j - 1]];
            if (args->reduction != PYCE_REDUCTION_NONE || (before < 0 ? -before : before) >= s) break;
            axes[j] = axes[j - 1];
        }
        axes[j] = i;
    }
    return count;
}

enum { ARRAYS = IN_COUNT + OUTPUT_COUNT };

static void merge_axes(problem *p) {
    operand *of[ARRAYS];
    const int64_t *stride[ARRAYS];
    int32_t axes[PYCE_MAX_NDIM], count, n = 0, i, k;
    int empty;
    for (k = 0; k < p->ins; k++, n++) {
        of[n] = p->in + p->in_used[k];
        stride[n] = input_of(p->args, p->in_used[k])->stride;
    }
    for (k = 0; k < p->outs; k++, n++) {
        of[n] = p->out + p->out_used[k];
        stride[n] = output_of(p->args, p->out_used[k])->stride;
    }
    /* of a shape without elements the other extents and the strides may be anything */
    empty = pyce_count_elements(p->args, 0) == 0;
    count = empty ? 0 : order_axes(p, axes);
    p->axes = 0;
    for (i = 0; i < count; i++) {
        const int64_t extent = p->args->shape[axes[i]];
        int merges = p->axes > 0;
        for (k = 0; k < n && merges; k++) merges = of[k]->stride[p->axes - 1] == stride[k][axes[i]] * extent;
        if (!merges) p->extent[p->axes++] = 1;
        p->extent[p->axes - 1] *= extent;
        for (k = 0; k < n; k++) of[k]->stride[p->axes - 1] = stride[k][axes[i]];
    }
    if (p->axes == 0) {
        p->axes = 1;
        p->extent[0] = !empty;
        for (k = 0; k < n; k++) of[k]->stride[0] = 0;
    }
    for (k = 0; k < n && is_rows(p->args); k++) of[k]->class_stride = stride[k][p->args->axis];
}

/* How labels, weights and masks enter. */
static void take_options(problem *p, int weighted_outputs) {
    const pyce_args *args = p->args;
    const int sparse = args->loss_kind == PYCE_SPARSE_SOFTMAX;
    const double e = weighted_outputs ? args->label_smoothing : 0.0;
    p->indexed = sparse && p->in[IN_LABELS].in;
    p->dense = is_rows(args) && p->in[IN_LABELS].in && (!sparse || e != 0.0);
    p->blended = p->dense && (e != 0.0 || p->class_weight.in);
    p->weighted = p->in[IN_SAMPLE_WEIGHT].in || p->in[IN_WHERE].in || (weighted_outputs && args->has_ignore_index) ||
                  (p->indexed && p->class_weight.in);
    p->label_scale = 1.0 - e;
    p->label_shift = e / (is_rows(args) ? (double)p->classes : 2.0);
    p->denominator = p->scale[0] = p->normal = 1.0;
    p->scale[1] = 0.0;
}

static void take_arrays(problem *p) {
    const pyce_args *args = p->args;
    const int32_t needs = pyce_needs(args), labelled = needs & NEEDS_LABELS, weighted = needs & NEEDS_WEIGHTS;
    int32_t i;
    for (i = 0; i < IN_COUNT; i++) {
        set_input(p->in + i, input_of(args, i), i == IN_LOGITS || (i == IN_LABELS ? labelled : weighted));
    }
    set_input(&p->class_weight, &args->class_weight, weighted);
    if (is_rows(args)) p->class_weight.class_stride = args->class_weight.stride[args->axis];
    p->sums_loss = args->reduction != PYCE_REDUCTION_NONE && args->loss.data;
    p->compute =
        args->logits.dtype == PYCE_FLOAT64 || p->in[IN_LABELS].dtype == PYCE_FLOAT64 ? PYCE_FLOAT64 : PYCE_FLOAT32;
    for (i = 0; i < OUTPUT_COUNT; i++) {
        const pyce_output *out = output_of(args, i);
        if (out->data && out->dtype == PYCE_FLOAT64) p->compute = PYCE_FLOAT64;
        set_output(p->out + i, out, i != OUT_LOSS || !p->sums_loss);
    }
    p->classes = is_rows(args) ? args->shape[args->axis] : 1;
    take_options(p, weighted);
}

static void plan_steps(problem *p) {
    static const step singles[] = {{ROWS_PROB, OUT_PROB, -1},
                                   {ROWS_LOG_PROB, OUT_LOG_PROB, -1},
                                   {ROWS_LABELS_GRAD, OUT_LABELS_GRAD, -1},
                                   {ROWS_PROB, OUT_HVP, -1}};
    static const step grad_hess = {ROWS_GRAD_HESS, OUT_GRAD, OUT_HESS};
    static const step grad = {ROWS_GRAD, OUT_GRAD, -1}, hess = {ROWS_HESS, OUT_HESS, -1};
    size_t i;
    p->step_count = 0;
    for (i = 0; i < sizeof singles / sizeof singles[0]; i++) {
        if (p->out[singles[i].first].out) p->steps[p->step_count++] = singles[i];
    }
    if (p->out[OUT_GRAD].out && p->out[OUT_HESS].out) p->steps[p->step_count++] = grad_hess;
    else if (p->out[OUT_GRAD].out) p->steps[p->step_count++] = grad;
    else if (p->out[OUT_HESS].out) p->steps[p->step_count++] = hess;
}

static int is_small(const problem *p) {
    const int64_t losses = p->outer * p->inner;
    return losses == 0 || losses <= SERIAL_ELEMENTS / p->classes;
}

void pyce_make_problem(problem *p, const pyce_args *args) {
    int32_t i;
    p->args = args; /* every field is set on its own: to clear them all first would be 40 ns */
    p->kernels = pyce_kernels_for(args->isa);
    take_arrays(p);
    p->set = p->compute == PYCE_FLOAT64 ? p->kernels->f64 : p->kernels->f32;
    p->doubles = p->kernels->f64;
    p->in_place = args->grad.data && args->grad.data == args->logits.data;
    list_used(p);
    merge_axes(p);
    plan_steps(p);
    p->inner = p->extent[p->axes - 1];
    p->outer = 1;
    for (i = 0; i + 1 < p->axes; i++) p->outer *= p->extent[i];
    /* asked only where it matters: the number of processors is a system call, 450 ns */
    p->threads = is_small(p) ? 1 : pyce_thread_limit(args->num_threads);
}

/* Blocks --------------------------------------------------------------------------------------------------------- */

block pyce_block_at(const problem *p, int64_t outer, int64_t start, int64_t length) {
    block b;
    int32_t i, k;
    b.place = outer * p->inner + start;
    for (k = 0; k < p->ins; k++) b.in[p->in_used[k]] = start * inner_stride(p, p->in + p->in_used[k]);
    for (k = 0; k < p->outs; k++) b.out[p->out_used[k]] = start * inner_stride(p, p->out + p->out_used[k]);
    for (i = p->axes - 2; i >= 0; i--) {
        const int64_t at = outer % p->extent[i];
        outer /= p->extent[i];
        for (k = 0; k < p->ins; k++) b.in[p->in_used[k]] += at * p->in[p->in_used[k]].stride[i];
        for (k = 0; k < p->outs; k++) b.out[p->out_used[k]] += at * p->out[p->out_used[k]].stride[i];
    }
    b.n = p->inner - start < length ? p->inner - start : length;
    return b;
}

void pyce_advance(const problem *p, block *b, int64_t steps) {
    int32_t k;
    for (k = 0; k < p->ins; k++) b->in[p->in_used[k]] += steps * inner_stride(p, p->in + p->in_used[k]);
    for (k = 0; k < p->outs; k++) b->out[p->out_used[k]] += steps * inner_stride(p, p->out + p->out_used[k]);
    b->place += steps;
}

int64_t pyce_block_length(const problem *p, int64_t length) {
    const int64_t losses = p->outer * p->inner, least = (losses + MOST_PARTS - 1) / MOST_PARTS;
    return p->args->reduction != PYCE_REDUCTION_NONE && least > length ? least : length;
}

typedef struct block_loop {
    const problem *problem;
    block_work work;
    int64_t length, piece;
    partial_sums *parts;
} block_loop;

/* The losses from i * length on; rows: run by run of the inner axis. */
static void do_block(void *context, int64_t i) {
    const block_loop *loop = (const block_loop *)context;
    const problem *p = loop->problem;
    int64_t at = i * loop->length, left = p->outer * p->inner - at;
    sums here;
    if (left > loop->length) left = loop->length;
    if (loop->parts) memset(&here, 0, sizeof here);
    while (left > 0) {
        const int64_t n = left < loop->piece ? left : loop->piece;
        block b = pyce_block_at(p, at / p->inner, at % p->inner, n);
        if (!is_rows(p->args) && b.n < loop->piece / 2) b.n = n; /* elements may span runs (tiles.c) */
        loop->work(p, &b, &here);
        at += b.n;
        left -= b.n;
    }
    if (loop->parts) p->kernels->fold(&here, loop->parts->hi + i, loop->parts->lo + i);
}

void pyce_for_blocks(const problem *p, int64_t length, int64_t piece, block_work work, partial_sums *parts) {
    const int64_t losses = p->outer * p->inner;
    block_loop loop;
    int64_t count;
    loop.problem = p;
    loop.work = work;
    loop.length = pyce_block_length(p, length);
    loop.piece = piece;
    loop.parts = parts;
    count = (losses + loop.length - 1) / loop.length;
    if (parts) parts->count = count;
    pyce_parallel_for(do_block, &loop, count, p->threads);
}
