/* From bytes to a call that the library must take: losses, shapes, dtypes, layouts, options and outputs in any mixture
 * that the header allows. */
#include "call.h"

enum { MOST_ELEMENTS = 70000 }; /* of a call; threads share the work from 32768 on */

static const int64_t edges[] = {1,  2,   3,   4,   5,   7,   8,   10,   15,   16,   17,   31,   33,   63,  64,
                                65, 100, 126, 127, 128, 129, 255, 257, 1000, 1023, 1024, 1025, 2047, 2049, 5000};

static int64_t draw_extent(bytes *from, int64_t most) {
    const uint32_t pick = draw(from);
    int64_t extent = pick < 128 ? 1 + (int64_t)(pick & 7) : edges[draw_below(from, sizeof edges / sizeof *edges)];
    if (pick >= 250) return 0;
    if (pick >= 220) extent = 1 + (int64_t)draw_below(from, (uint32_t)most);
    return extent < most ? extent : most;
}

/* Most calls are small, for speed; a few are large enough for several tiles, blocks and threads. */
static void decode_shape(bytes *from, pyce_args *args) {
    static const int64_t budgets[8] = {24, 24, 40, 40, 40, 150, 150, 600};
    static const int32_t axes[8] = {2, 2, 2, 1, 3, 3, 1, 0};
    const int rows = is_rows(args);
    int64_t left = budgets[draw_below(from, 8)];
    int32_t i;
    if (chance(from, 10)) left = chance(from, 32) ? MOST_ELEMENTS : 5000;
    args->ndim = axes[draw_below(from, 8)];
    if (args->ndim == 0) args->ndim = (int32_t)draw_below(from, PYCE_MAX_NDIM + 1);
    if (rows && args->ndim == 0) args->ndim = 1;
    args->axis = rows ? (chance(from, 128) ? (int32_t)draw_below(from, (uint32_t)args->ndim) : args->ndim - 1) : 0;
    if (rows) {
        args->shape[args->axis] = draw_extent(from, left);
        if (args->shape[args->axis] > 0) left /= args->shape[args->axis];
    }
    for (i = args->ndim - 1; i >= 0; i--) {
        if (rows && i == args->axis) continue;
        args->shape[i] = rows && args->shape[args->axis] == 0 && i == 0 ? 0 : draw_extent(from, left);
        if (args->shape[i] > 0) left /= args->shape[i];
    }
    if (rows && args->ndim == 1 && args->shape[0] == 0) args->shape[0] = 1; /* one row, which needs a class */
    if (rows && args->axis == 0 && args->ndim > 1 && args->shape[0] == 0) args->shape[1] = 0;
}

/* Strides of the axes that an array has, in some order of the axes, with gaps, some negative; of inputs some 0 or with
 * elements that overlap. All else is anything, and so are the strides of an empty array. */
static void draw_strides(bytes *from, const pyce_args *args, int which, int plain, int64_t *stride) {
    const uint32_t layout = plain ? 0 : draw(from), free = layout >= 96 && which < OUTPUTS ? draw(from) : 0;
    const uint32_t first = layout & 7, flips = layout >= 128 ? draw(from) : 0;
    const int64_t gap = layout >= 192 ? 1 + (int64_t)draw_below(from, 3) : 1;
    int64_t step = gap;
    int32_t k;
    for (k = 0; k < args->ndim; k++) {
        const int32_t last = args->ndim - 1 - k;
        const int32_t i = layout >= 64 ? (int32_t)((uint32_t)last + first) % args->ndim : last;
        if (!has_axis(args, which, i) || args->shape[i] == 1) {
            stride[i] = layout >= 64 ? draw_hostile(from) : 0;
            continue;
        }
        stride[i] = flips >> i & 1 ? -step : step;
        if (free >> i & 1) stride[i] = free & 128 ? 0 : (int64_t)draw_below(from, 4);
        else if (args->shape[i] > 0) step *= args->shape[i];
        if (layout >= 224) step += gap * (int64_t)draw_below(from, 4);
    }
    if (layout < 128 || !walk_of(args, which).empty) return;
    for (k = 0; k < args->ndim; k++) stride[k] = draw_hostile(from);
}

/* How many elements lie before the first in memory, and how many there are from the lowest to the highest. */
static int64_t extent_of(const pyce_args *args, int which, int64_t *before) {
    const walk w = walk_of(args, which);
    int64_t after = 0;
    int32_t i;
    *before = 0;
    if (w.empty) return 0;
    for (i = 0; i < w.axes; i++) {
        const int64_t reach = w.stride[i] * (w.extent[i] - 1);
        if (reach < 0) *before -= reach;
        else after += reach;
    }
    return *before + after + 1;
}

region *decode_array(bytes *from, pyce_args *args, int which, pyce_dtype dtype) {
    pyce_array a;
    int64_t before = 0, n = INT64_MAX / 16;
    region *r;
    int plain;
    memset(&a, 0, sizeof a);
    a.dtype = dtype;
    for (plain = 0; n * size_of(dtype) > SLAB_BYTES; plain = 1) {
        draw_strides(from, args, which, plain, a.stride);
        set_array(args, which, &a);
        n = extent_of(args, which, &before);
    }
    r = arena_take((size_t)(n * size_of(dtype)), (int)(draw(from) & 1));
    a.data = r->start + before * size_of(dtype);
    set_array(args, which, &a);
    fill_array(from, args, which, r);
    return r;
}

static pyce_dtype draw_float(bytes *from, pyce_dtype usual) {
    const uint32_t pick = draw(from);
    return pick < 176 ? usual : PYCE_FLOAT32 + (pyce_dtype)(pick & 3);
}

static void decode_options(bytes *from, pyce_args *args) {
    const uint32_t pick = draw(from);
    args->num_threads = (int32_t)draw_below(from, 5);
    if (chance(from, 4)) args->num_threads = INT32_MAX - (int32_t)draw(from);
    args->isa = (pyce_isa)draw_below(from, 4);
    if (!pyce_isa_available(args->isa)) args->isa = PYCE_ISA_AUTO;
    if (pick < 96) return;
    args->reduction = (pyce_reduction)(pick % 3);
    if (args->reduction == PYCE_REDUCTION_MEAN) args->denominator = (pyce_denominator)draw_below(from, 4);
    if (args->denominator == PYCE_DENOMINATOR_VALUE) {
        const uint64_t bits = draw_word(from) & ~((uint64_t)1 << 63);
        memcpy(&args->denominator_value, &bits, sizeof bits);
        if (!(args->denominator_value > 0 && args->denominator_value <= 1e308)) args->denominator_value = 2.5;
    }
    if (draw(from) & 1) args->label_smoothing = (double)draw(from) / 255.0;
    if (args->loss_kind == PYCE_SPARSE_SOFTMAX && (draw(from) & 1)) {
        args->has_ignore_index = 1;
        args->ignore_index = draw(from) & 1 ? (int64_t)draw_below(from, 8) - 4 : draw_hostile(from);
    }
}

/* Whether the input asks for an output, and the loss has it. */
static int wants(const pyce_args *args, uint32_t wanted, int which) {
    if ((which == LSE || which == CORRECT) && !is_rows(args)) return 0;
    if (which == LABELS_GRAD && args->loss_kind == PYCE_SPARSE_SOFTMAX) return 0;
    return (int)(wanted >> (which - OUTPUTS) & 1);
}

/* grad in place of the logits, which take strides that an output can have. */
static void decode_in_place(bytes *from, pyce_args *args, pyce_dtype dtype) {
    region *r = decode_array(from, args, GRAD, dtype);
    const pyce_array grad = array_of(args, GRAD);
    set_array(args, LOGITS, &grad);
    fill_array(from, args, LOGITS, r);
}

static void decode_outputs(bytes *from, pyce_args *args, pyce_dtype usual) {
    uint32_t wanted = draw(from) | draw(from) << 8;
    const int in_place = chance(from, 48);
    int i;
    if (wanted & 0x8000) wanted &= 0x3; /* the common case: loss and gradient */
    for (i = OUTPUTS; i < ARRAYS; i++) {
        if (!wants(args, wanted, i)) continue;
        if (i == GRAD && in_place) decode_in_place(from, args, usual);
        else decode_array(from, args, i, i == CORRECT ? PYCE_BOOL : draw_float(from, usual));
    }
    for (i = OUTPUTS; i < ARRAYS; i++) {
        if (array_of(args, i).data) return;
    }
    decode_array(from, args, LOSS, usual);
}

void decode_call(bytes *from, call *to) {
    static const pyce_dtype integers[8] = {PYCE_INT64, PYCE_INT32, PYCE_UINT8,  PYCE_INT8,
                                           PYCE_INT16, PYCE_UINT16, PYCE_UINT32, PYCE_UINT64};
    pyce_args *args = &to->args;
    pyce_dtype usual, labels;
    uint32_t optional;
    memset(to, 0, sizeof *to);
    *args = pyce_args_init();
    to->args_bytes = args->struct_size;
    to->error_bytes = to->error_size = (int64_t)sizeof(pyce_error);
    from->state = draw(from) | draw(from) << 8;
    to->again = draw(from);
    args->loss_kind = PYCE_SIGMOID + (pyce_loss)draw_below(from, 4);
    usual = PYCE_FLOAT32 + (pyce_dtype)draw_below(from, 4);
    decode_shape(from, args);
    decode_options(from, args);
    decode_outputs(from, args, usual);
    if (!args->logits.data) decode_array(from, args, LOGITS, draw_float(from, usual));
    optional = draw(from);
    labels = args->loss_kind == PYCE_SPARSE_SOFTMAX ? integers[draw_below(from, 8)] : draw_float(from, usual);
    if (needs_labels(args) || optional & 1) decode_array(from, args, LABELS, labels);
    if (args->loss_kind == PYCE_WEIGHTED && (needs_labels(args) || optional & 2)) {
        decode_array(from, args, POS_WEIGHT, draw_float(from, usual));
    }
    if (args->hvp.data) decode_array(from, args, VECTOR, draw_float(from, usual));
    if (optional >= 192) decode_array(from, args, SAMPLE_WEIGHT, draw_float(from, usual));
    if ((optional & 0x30) == 0x30) decode_array(from, args, WHERE, PYCE_BOOL);
    if ((optional & 0x0c) == 0x0c && is_rows(args)) decode_array(from, args, CLASS_WEIGHT, draw_float(from, usual));
}
