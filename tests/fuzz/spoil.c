/* One thing wrong: a size, a pointer, a stride, a number of a struct. What a spoiled call reaches is judged afterwards
 * (judge.c), so that a spoil need not know what else it breaks. */
#include "call.h"

static int draw_present(bytes *from, const pyce_args *args) {
    const int first = (int)draw_below(from, ARRAYS);
    int i;
    for (i = 0; i < ARRAYS; i++) {
        if (array_of(args, (first + i) % ARRAYS).data) return (first + i) % ARRAYS;
    }
    return first;
}

static int32_t draw_odd(bytes *from) { /* near the numbers that mean something, or anything */
    return draw(from) & 3 ? (int32_t)draw_below(from, 34) - 4 : (int32_t)draw_word(from);
}

static int32_t draw_axis(bytes *from, const pyce_args *args) {
    const int32_t axes = args->ndim > 0 && args->ndim <= PYCE_MAX_NDIM ? args->ndim : PYCE_MAX_NDIM;
    return (int32_t)draw_below(from, (uint32_t)axes);
}

static void struct_size_smaller(bytes *from, call *to) {
    const int64_t size = draw(from) & 1 ? draw_hostile(from) : (int64_t)draw_below(from, FIRST_ARGS_BYTES);
    to->strange = 0;
    to->args.struct_size = size < FIRST_ARGS_BYTES ? size : 0;
    to->args_bytes = to->args.struct_size < 8 ? 8 : to->args.struct_size;
}

static void struct_size_larger(bytes *from, call *to) {
    static const int64_t known = sizeof(pyce_args);
    static const int64_t sizes[4] = {sizeof(pyce_args) + 1, MOST_ARGS_BYTES, MOST_ARGS_BYTES + 1, INT64_MAX};
    const uint32_t pick = draw(from);
    to->strange = 0;
    to->args.struct_size = pick < 224 ? known + 1 + (int64_t)draw_below(from, 4096) : sizes[pick & 3];
    to->args_bytes = to->args.struct_size > 1 << 17 ? known : to->args.struct_size;
    if (to->args_bytes > known && draw(from) & 1) {
        to->strange = to->args_bytes - 1 - (int64_t)draw_below(from, 0x8000) % (to->args_bytes - known);
    }
}

static void no_args(bytes *from, call *to) {
    (void)from;
    to->strange = 0;
    to->args_bytes = 0;
}

static void odd_error(bytes *from, call *to) {
    const uint32_t pick = draw(from) & 3;
    to->error_size = pick == 0 ? draw_hostile(from) : (int64_t)draw_below(from, pick == 1 ? 8000 : 288);
    to->error_bytes = to->error_size < 8 || to->error_size > 1 << 16 ? 8 : to->error_size;
    if (to->error_size > 1 << 16) to->error_bytes = (int64_t)sizeof(pyce_error); /* it has no upper bound */
    if (pick == 3) to->error_bytes = 0;
}

static void null_data(bytes *from, call *to) {
    const int which = draw_present(from, &to->args);
    pyce_array a = array_of(&to->args, which);
    a.data = NULL;
    set_array(&to->args, which, &a);
}

static void reserved_set(bytes *from, call *to) {
    const int which = draw_present(from, &to->args);
    pyce_array a = array_of(&to->args, which);
    a.reserved = draw_odd(from);
    set_array(&to->args, which, &a);
}

static void dtype_changed(bytes *from, call *to) {
    const int which = draw_present(from, &to->args);
    pyce_array a = array_of(&to->args, which);
    a.dtype = draw_odd(from);
    set_array(&to->args, which, &a);
}

static void data_moved(bytes *from, call *to) {
    const int which = draw_present(from, &to->args);
    pyce_array a = array_of(&to->args, which);
    a.data = (const void *)((uintptr_t)a.data + (uintptr_t)((int)draw_below(from, 33) - 16));
    set_array(&to->args, which, &a);
}

/* An output onto another array, or beside the start of it. */
static void output_on_another(bytes *from, call *to) {
    const int other = draw_present(from, &to->args);
    int which = OUTPUTS + (int)draw_below(from, ARRAYS - OUTPUTS), i;
    pyce_array a = array_of(&to->args, other), b;
    for (i = 0; i < ARRAYS - OUTPUTS && (which == other || !array_of(&to->args, which).data); i++) {
        which = which + 1 < ARRAYS ? which + 1 : OUTPUTS;
    }
    b = array_of(&to->args, which);
    if (draw(from) & 1 && which != CORRECT && other != CORRECT) b = a;
    b.data = (const void *)((uintptr_t)a.data + (uintptr_t)(size_of(b.dtype) * ((int)(draw(from) & 7) - 2)));
    if (draw(from) & 1) b.data = a.data;
    set_array(&to->args, which, &b);
}

static void data_anywhere(bytes *from, call *to) {
    const int which = (int)draw_below(from, ARRAYS);
    pyce_array a = array_of(&to->args, which);
    a.data = (const void *)(uintptr_t)draw_hostile(from);
    if (draw(from) & 1) a.dtype = PYCE_FLOAT32;
    set_array(&to->args, which, &a);
}

static void stride_changed(bytes *from, call *to) {
    const int which = draw_present(from, &to->args);
    const int32_t i = draw_axis(from, &to->args);
    pyce_array a = array_of(&to->args, which);
    a.stride[i] = draw(from) & 1 ? draw_hostile(from) : a.stride[i] / 2 + (int64_t)draw_below(from, 16) - 8;
    set_array(&to->args, which, &a);
}

static void extent_changed(bytes *from, call *to) {
    const int32_t i = draw_axis(from, &to->args);
    to->args.shape[i] = draw(from) & 1 ? draw_hostile(from) : (int64_t)draw_below(from, 8) - 1;
}

/* Extents whose product overflows, one after another, over strides of 0 or not. */
static void extents_hostile(bytes *from, call *to) {
    const int flat = chance(from, 128);
    int32_t i;
    int which;
    for (i = 0; i < to->args.ndim && i < PYCE_MAX_NDIM; i++) {
        if (draw(from) & 3) to->args.shape[i] = draw_hostile(from);
    }
    for (which = 0; flat && which < ARRAYS; which++) {
        pyce_array a = array_of(&to->args, which);
        memset(a.stride, 0, sizeof a.stride);
        set_array(&to->args, which, &a);
    }
}

static void number_changed(bytes *from, call *to) {
    int32_t *const fields[] = {
        &to->args.loss_kind, &to->args.ndim,      &to->args.axis,        &to->args.num_threads,
        &to->args.isa,       &to->args.reduction, &to->args.denominator, &to->args.has_ignore_index};
    *fields[draw_below(from, 8)] = draw_odd(from);
}

static void option_changed(bytes *from, call *to) {
    static const double numbers[8] = {-0.0, -1e-300, 1.0000000000000002, 1e308, -1.0, 1e-320, 0.5, 2.0};
    const uint32_t pick = draw(from);
    const uint64_t bits = draw_word(from);
    double value = numbers[pick & 7];
    if (pick & 8) memcpy(&value, &bits, sizeof value);
    if (pick & 16) to->args.label_smoothing = value;
    else to->args.denominator_value = value;
}

/* An array that the loss may not know, or an output without what it needs. */
static void array_added(bytes *from, call *to) {
    const int which = (int)draw_below(from, ARRAYS);
    const pyce_dtype dtype = which == WHERE || which == CORRECT ? PYCE_BOOL : PYCE_FLOAT32;
    if (!array_of(&to->args, which).data) decode_array(from, &to->args, which, dtype);
}

static void no_outputs(bytes *from, call *to) {
    const uint32_t kept = draw(from);
    int i;
    for (i = OUTPUTS; i < ARRAYS; i++) {
        pyce_array a = array_of(&to->args, i);
        if (kept < 192 || i != LOSS) a.data = NULL;
        set_array(&to->args, i, &a);
    }
}

void spoil_call(bytes *from, call *to, int again) {
    static void (*const spoils[])(bytes *, call *) = {
        struct_size_smaller, struct_size_larger, no_args,           odd_error,
        null_data,           reserved_set,       dtype_changed,     data_moved,
        data_moved,          data_anywhere,      stride_changed,    stride_changed,
        stride_changed,      extent_changed,     extents_hostile,   extents_hostile,
        number_changed,      number_changed,     option_changed,    no_outputs,
        output_on_another,   output_on_another,  output_on_another, array_added,
        array_added /* only where the shape is still right */};
    const uint32_t n = sizeof spoils / sizeof *spoils;
    spoils[draw_below(from, again ? n - 2 : n)](from, to);
}
