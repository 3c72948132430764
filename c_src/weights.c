/* weights.c: what weights, masks and smoothing mean for one piece of losses, and what a reduction needs of them. */
#include "problem.h"

#include <math.h>
#include <string.h>

/* Denominators from 2 to minus this to 2 to this are taken as they are. */
enum { ORDINARY_WEIGHTED = 24, ORDINARY_PLAIN = 60 };

void pyce_read_indices(const problem *p, const block *b, int64_t *index) {
    const operand *labels = p->in + IN_LABELS;
    pyce_read_labels(labels->in, labels->dtype, b->in[IN_LABELS], inner_stride(p, labels), b->n, p->classes, index);
}

double pyce_class_weight(const problem *p, int64_t index) {
    const operand *a = &p->class_weight;
    double value = 1.0;
    if (a->in && index >= 0) p->doubles->load[a->dtype](&value, input_at(a, index * a->class_stride), 1, 1);
    return value;
}

/* Whether row i of a block has a label that is to be ignored. */
static int is_ignored(const problem *p, const block *b, int64_t i) {
    const operand *labels = p->in + IN_LABELS;
    return pyce_is_ignored(p->args, b->in[IN_LABELS] + i * inner_stride(p, labels));
}

/* Whether the row's weight has its class's as a factor: smoothed, the class weights are in the labels. */
static int weighs_index(const problem *p) {
    return p->indexed && p->class_weight.in && !p->dense;
}

static void read_masks(const problem *p, const block *b, uint8_t *counts) {
    const operand *where = p->in + IN_WHERE;
    int64_t i;
    if (where->in) pyce_load_tile(p, where, b->place, b->n, NULL, 1, counts);
    for (i = 0; i < b->n; i++) counts[i] = !where->in || counts[i] != 0;
    if (!p->indexed || !p->args->has_ignore_index) return;
    for (i = 0; i < b->n; i++) {
        if (is_ignored(p, b, i)) counts[i] = 0;
    }
}

void pyce_read_weights(const problem *p, const block *b, const int64_t *index, weights *to) {
    const operand *sample = p->in + IN_SAMPLE_WEIGHT;
    const int by_class = index && weighs_index(p);
    int64_t i;
    if (sample->in) {
        pyce_load_tile(p, sample, b->place, b->n, p->doubles->load[sample->dtype], p->doubles->size, to->value);
    } else {
        for (i = 0; i < b->n; i++) to->value[i] = 1.0;
    }
    read_masks(p, b, to->counts);
    for (i = 0; i < b->n; i++) {
        const double factor = by_class ? pyce_class_weight(p, index[i]) : 1.0;
        const int keep = to->counts[i] && to->value[i] != 0.0 && factor != 0.0 && p->denominator != 0.0;
        to->keep[i] = (uint8_t)keep;
        to->value[i] = keep ? to->value[i] * p->normal * factor : 0.0;
    }
}

double pyce_index_label(const problem *p, int64_t index) {
    return pyce_class_weight(p, index) * (p->label_scale + p->label_shift);
}

/* W (alpha t + beta) for n classes from `first` on; labels NULL: t is 0 */
static void blend(const problem *p, int64_t first, int64_t n, const void *labels, double alpha, double beta, void *to) {
    const operand *a = &p->class_weight;
    double w[TILE_BYTES / 4];
    w[0] = 1.0;
    if (a->in) p->doubles->load[a->dtype](w, input_at(a, first * a->class_stride), a->class_stride, n);
    p->set->blend(to, labels, w, a->in != NULL, alpha, beta, n);
}

void pyce_blend_labels(const problem *p, int64_t first, int64_t n, const void *labels, void *to) {
    blend(p, first, n, labels, p->label_scale, p->label_shift, to);
}

void pyce_fill_factors(const problem *p, int64_t first, int64_t n, void *to) {
    blend(p, first, n, NULL, 0.0, p->label_scale, to);
}

/* Reductions ------------------------------------------------------------------------------------------------------ */

/* What one piece of losses adds to the denominator. */
static void add_weights(const problem *p, const block *b, sums *to) {
    const int by_weights = p->args->denominator == PYCE_DENOMINATOR_WEIGHTS;
    int64_t indices[BLOCK_ROWS], i;
    const int64_t *index = p->indexed ? indices : NULL;
    weights w;
    if (index) pyce_read_indices(p, b, indices);
    pyce_read_weights(p, b, index, &w);
    for (i = 0; i < b->n; i++) {
        const double factor = index && p->dense ? pyce_class_weight(p, index[i]) : 1.0;
        const double value = by_weights ? w.value[i] * factor : 1.0;
        w.value[i] = w.counts[i] ? value : 0.0;
    }
    p->doubles->accumulate(to, b->place, w.value, b->n);
}

/* Weights and denominators of any size that cancel: both by the same power of two, near 1. */
static void normalise(problem *p) {
    const int ordinary = p->weighted ? ORDINARY_WEIGHTED : ORDINARY_PLAIN, most = 1000;
    uint64_t bits;
    int exponent;
    if (p->denominator - p->denominator != 0.0) return;
    memcpy(&bits, &p->denominator, sizeof bits);
    exponent = (int)(bits >> 52 & 0x7ff) - 1022; /* of a fraction in [1/2, 1) */
    if (exponent >= -ordinary && exponent <= ordinary) return;
    exponent = exponent > most ? most : exponent < -most ? -most : exponent;
    bits = (uint64_t)(1023 - exponent) << 52;
    memcpy(&p->normal, &bits, sizeof bits); /* 2 to the minus exponent */
    p->denominator *= p->normal;
    p->weighted = 1;
}

void pyce_find_denominator(problem *p) {
    const pyce_args *args = p->args;
    const int counts_all = args->denominator == PYCE_DENOMINATOR_BATCH || !p->weighted;
    if (args->reduction != PYCE_REDUCTION_MEAN) return;
    if (args->denominator == PYCE_DENOMINATOR_VALUE) {
        p->denominator = args->denominator_value;
    } else if (counts_all) {
        p->denominator = (double)(p->outer * p->inner);
    } else {
        partial_sums parts;
        pyce_for_blocks(p, (int64_t)16 * MOST_WEIGHTS, p->indexed ? BLOCK_ROWS : MOST_WEIGHTS, add_weights, &parts);
        p->kernels->total(parts.hi, parts.lo, parts.count, 1.0, &p->denominator);
    }
    if (p->denominator == 0.0) {
        p->weighted = 1; /* nothing is kept: the derivatives are 0 */
        p->scale[0] = 0.0;
    } else {
        normalise(p);
        p->kernels->invert(p->denominator, p->scale);
    }
}

void pyce_store_total(const problem *p, const partial_sums *parts) {
    const pyce_output *loss = &p->args->loss;
    double total = NAN;
    if (p->denominator != 0.0) p->kernels->total(parts->hi, parts->lo, parts->count, p->denominator, &total);
    p->set->store_doubles[loss->dtype](loss->data, &total, 0, 1);
}
