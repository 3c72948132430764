/* The library's promise about bits: a row's results depend on its values and the options alone. */
#include "call.h"

/* Whether the instruction set fuses multiplication and addition: those agree. */
static int is_fused(pyce_isa isa) {
    if (isa == PYCE_ISA_AUTO) isa = pyce_isa_default();
#if !defined(__FMA__) && !defined(__aarch64__)
    if (isa == PYCE_ISA_BASELINE) return 0;
#endif
    return pyce_isa_available(isa);
}

/* What is left to `again` is split as if it were digits. */
static uint32_t split(uint32_t *again, uint32_t n) {
    *again = *again * 2654435769u + 12345u;
    return (*again >> 16) % n;
}

/* The arrays of the whole, seen in the shape of the repeat, from where that starts. */
static walk walk_part(const call *c, const repeat *r, int which) {
    pyce_args part = c->args;
    const pyce_array a = array_of(&c->args, which);
    walk w;
    int32_t i;
    memcpy(part.shape, r->args.shape, sizeof part.shape);
    w = walk_of(&part, which);
    for (i = 0; i < part.ndim; i++) {
        if (has_axis(&part, which, i) && r->start[i]) w.offset += r->start[i] * a.stride[i];
    }
    return w;
}

/* A contiguous array for the repeat; returns its bytes. */
static size_t make_array(const call *c, repeat *r, int which) {
    pyce_array a = array_of(&c->args, which);
    const int64_t size = size_of(a.dtype);
    int64_t n = 1;
    int32_t i;
    memset(a.stride, 0, sizeof a.stride);
    for (i = c->args.ndim - 1; i >= 0; i--) {
        if (!has_axis(&c->args, which, i)) continue;
        a.stride[i] = n;
        n *= r->args.shape[i];
    }
    a.data = arena_take((size_t)(n * size), which & 1)->start;
    set_array(&r->args, which, &a);
    return (size_t)(n * size);
}

static void copy_input(const call *c, repeat *r, int which) {
    const pyce_array a = array_of(&c->args, which);
    const size_t size = (size_t)size_of(a.dtype);
    uint8_t *to;
    walk w = walk_part(c, r, which);
    make_array(c, r, which);
    to = (uint8_t *)array_of(&r->args, which).data;
    if (w.empty) return;
    do {
        memcpy(to + (size_t)w.index * size, (const uint8_t *)a.data + w.offset * (int64_t)size, size);
    } while (walk_on(&w));
}

/* Leaves outputs out, as long as the type of the computation is the same. */
static void leave_out(repeat *r, uint32_t wanted) {
    const pyce_dtype compute = compute_type(&r->args);
    int i, left = 0;
    for (i = OUTPUTS; i < ARRAYS; i++) left += array_of(&r->args, i).data != NULL;
    for (i = OUTPUTS; i < ARRAYS && left > 1; i++) {
        const pyce_array a = array_of(&r->args, i);
        const pyce_array none = {{0}, NULL, 0, 0};
        if (!a.data || wanted >> (i - OUTPUTS) & 1) continue;
        set_array(&r->args, i, &none);
        if (compute_type(&r->args) == compute) left--;
        else set_array(&r->args, i, &a);
    }
    if (!r->args.hvp.data) r->args.vector.data = NULL;
}

static void choose_row(const call *c, repeat *r, uint32_t *again) {
    int32_t i;
    for (i = 0; i < c->args.ndim; i++) {
        if (c->args.shape[i] == 0) return;
    }
    for (i = 0; i < c->args.ndim; i++) {
        if (is_rows(&c->args) && i == c->args.axis) continue;
        r->start[i] = (int64_t)(split(again, 1u << 16) % (uint32_t)c->args.shape[i]);
        r->args.shape[i] = 1;
    }
}

void prepare_repeat(const call *c, repeat *to) {
    uint32_t again = c->again;
    int i;
    memset(to, 0, sizeof *to);
    to->args = c->args;
    to->args.struct_size = (int64_t)sizeof to->args;
    if (split(&again, 2) && c->args.reduction == PYCE_REDUCTION_NONE) choose_row(c, to, &again);
    to->args.num_threads = 1 + (int32_t)split(&again, 3);
    if (is_fused(c->args.isa)) {
        const pyce_isa other = PYCE_ISA_BASELINE + (pyce_isa)split(&again, 3);
        if (is_fused(other)) to->args.isa = other;
    }
    if (split(&again, 2)) leave_out(to, split(&again, 512));
    for (i = 0; i < ARRAYS; i++) {
        if (!array_of(&to->args, i).data) continue;
        if (i < OUTPUTS) copy_input(c, to, i);
        else make_array(c, to, i);
    }
}

static int is_nan(pyce_dtype dtype, const uint8_t *at) {
    float single;
    double number;
    uint16_t half;
    switch (dtype) {
    case PYCE_FLOAT32: memcpy(&single, at, sizeof single); return single != single;
    case PYCE_FLOAT64: memcpy(&number, at, sizeof number); return number != number;
    case PYCE_FLOAT16: memcpy(&half, at, sizeof half); return (half & 0x7fff) > 0x7c00;
    case PYCE_BFLOAT16: memcpy(&half, at, sizeof half); return (half & 0x7fff) > 0x7f80;
    default: return 0;
    }
}

int compare_repeat(const call *c, const repeat *r, int64_t *index) {
    int i;
    for (i = OUTPUTS; i < ARRAYS; i++) {
        const pyce_array a = array_of(&c->args, i), b = array_of(&r->args, i);
        const int64_t size = size_of(a.dtype);
        walk w = walk_part(c, r, i);
        if (!b.data || w.empty) continue;
        do {
            const uint8_t *first = (const uint8_t *)a.data + w.offset * size;
            const uint8_t *second = (const uint8_t *)b.data + w.index * size;
            *index = w.index;
            if (memcmp(first, second, (size_t)size) && !(is_nan(a.dtype, first) && is_nan(a.dtype, second))) return i;
        } while (walk_on(&w));
    }
    return -1;
}
