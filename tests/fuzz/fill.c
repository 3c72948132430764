/* Contents of arrays: ordinary and hostile numbers, labels in and out of range, masks. The whole region is filled, also
 * what lies between the elements. */
#include "call.h"

#include <math.h>

enum kind { UNIFORM, BITS, WIDE, TIES, INFINITE, NANS, TINY, UNIT, ONE_HOT, GIVEN, KINDS };

static double number(bytes *from, enum kind kind) {
    const uint64_t word = next_random(from);
    const double unit = (double)(word >> 11) * 0x1p-53;
    const uint32_t pick = word & 0xff;
    switch (kind) {
    case WIDE: return 4000.0 * unit - 2000.0;
    case TIES: return (double)(word >> 62);
    case INFINITE: return pick < 4 ? (double)INFINITY : pick < 60 ? -(double)INFINITY : 8.0 * unit - 4.0;
    case NANS: return pick < 4 ? (double)NAN : 8.0 * unit - 4.0;
    case TINY: return (unit - 0.5) * 1e-40;
    case UNIT: return unit;
    case ONE_HOT: return (double)(pick < 64);
    default: return 10.0 * unit - 5.0;
    }
}

/* The top half of a float32, or a float16 cut off toward zero: rounding does not matter here. */
static uint16_t half_bits(pyce_dtype dtype, double value) {
    const float single = (float)value;
    uint32_t bits;
    int32_t exponent;
    memcpy(&bits, &single, sizeof bits);
    if (dtype == PYCE_BFLOAT16) return (uint16_t)(bits >> 16);
    exponent = (int32_t)(bits >> 23 & 0xff) - 112;
    if (exponent == 0xff - 112) return (uint16_t)((bits >> 16 & 0x8000) | 0x7c00 | (single != single));
    if (exponent > 30) return (uint16_t)((bits >> 16 & 0x8000) | 0x7bff);
    if (exponent < 1) return (uint16_t)((bits >> 16 & 0x8000) | (bits >> 13 & 0x3ff));
    return (uint16_t)((bits >> 16 & 0x8000) | (uint32_t)exponent << 10 | (bits >> 13 & 0x3ff));
}

static void fill_floats(bytes *from, region *r, pyce_dtype dtype, enum kind kind) {
    const size_t n = r->size / (size_t)size_of(dtype);
    size_t i;
    for (i = 0; i < n; i++) {
        const double value = number(from, kind);
        if (dtype == PYCE_FLOAT64) ((double *)(void *)r->start)[i] = value;
        else if (dtype == PYCE_FLOAT32) ((float *)(void *)r->start)[i] = (float)value;
        else ((uint16_t *)(void *)r->start)[i] = half_bits(dtype, value);
    }
}

static void fill_bits(bytes *from, region *r, int given) {
    size_t i, k;
    for (i = 0; i < r->size; i += 8) {
        const uint64_t word = given && from->at < from->end ? draw_word(from) : next_random(from);
        for (k = i; k < r->size && k < i + 8; k++) r->start[k] = (uint8_t)(word >> (8 * (k - i)));
    }
}

/* Mostly classes; `wild`: one in eight is anything. */
static void fill_labels(bytes *from, region *r, pyce_dtype dtype, int64_t classes, int wild) {
    const int64_t size = size_of(dtype), n = (int64_t)r->size / size;
    const uint64_t most = size == 1 ? 127 : size == 2 ? 32767 : INT32_MAX;
    const uint64_t last = classes < 1 ? 0 : (uint64_t)classes - 1 < most ? (uint64_t)classes - 1 : most;
    int64_t i;
    for (i = 0; i < n; i++) {
        const uint64_t word = next_random(from);
        uint64_t label = (word >> 8) % (last + 1);
        if (wild && (word & 7) == 0) label = word & 8 ? next_random(from) : (uint64_t)((int64_t)(word >> 4 & 7) - 4);
        if (wild && (word & 15) == 1) label = (uint64_t)classes;
        switch (size) {
        case 1: r->start[i] = (uint8_t)label; break;
        case 2: ((uint16_t *)(void *)r->start)[i] = (uint16_t)label; break;
        case 4: ((uint32_t *)(void *)r->start)[i] = (uint32_t)label; break;
        default: ((uint64_t *)(void *)r->start)[i] = label;
        }
    }
}

static void fill_masks(bytes *from, region *r, uint32_t share) {
    size_t i;
    for (i = 0; i < r->size; i++) {
        const uint64_t word = next_random(from);
        r->start[i] = (word & 0xff) < share ? 0 : word & 0x100 ? 1 : (uint8_t)(word >> 16);
    }
}

void fill_array(bytes *from, const pyce_args *args, int which, region *r) {
    static const enum kind labels[] = {UNIT, ONE_HOT, UNIT, ONE_HOT, BITS, GIVEN, NANS, TINY};
    const pyce_dtype dtype = array_of(args, which).dtype;
    enum kind kind;
    if (which >= OUTPUTS) {
        fill_bits(from, r, 0);
    } else if (which == WHERE) {
        fill_masks(from, r, draw(from));
    } else if (which == LABELS && args->loss_kind == PYCE_SPARSE_SOFTMAX) {
        fill_labels(from, r, dtype, args->shape[args->axis], chance(from, 24));
    } else {
        kind = which == LOGITS || which == VECTOR ? (enum kind)draw_below(from, KINDS) : labels[draw_below(from, 8)];
        if (kind == BITS || kind == GIVEN) fill_bits(from, r, kind == GIVEN);
        else fill_floats(from, r, dtype, kind);
    }
}
