/* states_tmpl.h: the loops that reduce rows to row_states, and what is computed from those per row. Template, see
 * formulas_tmpl.h.
 *
 * Sums along a row run in SUM_LANES fixed lanes, whatever the vector length, so their order is the same on every
 * instruction set. Every term enters a wider accumulator as it is: double in float32, two doubles in float64. Adding
 * four float32 terms first would be a tenth faster in cache and cost up to 2.85 ulp; pairs in float64, 2.07. */

typedef struct NAME(accumulators) {
    double sum[SUM_LANES], low[SUM_LANES];
} NAME(accumulators);

/* sum + low += term */
PYCE_INLINE void NAME(accumulate)(double *sum, double *low, double term) {
    if (WIDE) {
        const two s = two_sum(*sum, term);
        *sum = s.hi;
        *low += s.lo;
    } else {
        *sum += term;
    }
}

PYCE_INLINE two NAME(fold)(const double *sum, const double *low) {
    two s = two_of(0.0, 0.0);
    int j;
    for (j = 0; j < SUM_LANES; j++) s = add(s, two_of(sum[j], low[j]), WIDE);
    return s;
}

PYCE_INLINE real NAME(max_of)(const real *x, int64_t n) {
    real lane[SUM_LANES], max = -(real)INFINITY;
    int64_t i;
    int j;
    for (j = 0; j < SUM_LANES; j++) lane[j] = max;
    for (i = 0; i + SUM_LANES <= n; i += SUM_LANES) {
        PYCE_SIMD
        for (j = 0; j < SUM_LANES; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    }
    for (; i < n; i++) max = x[i] > max ? x[i] : max;
    for (j = 0; j < SUM_LANES; j++) max = lane[j] > max ? lane[j] : max;
    return max;
}

/* One group of 4 * SUM_LANES logits: those below max are summed, those equal to it counted. */
PYCE_INLINE void NAME(sum_group)(const real *x, real max, NAME(reference) ref, real *count, double *sum, double *low) {
    real term[4][SUM_LANES];
    int j;
    PYCE_SIMD
    for (j = 0; j < SUM_LANES; j++) {
        const real x0 = x[j], x1 = x[j + SUM_LANES], x2 = x[j + 2 * SUM_LANES], x3 = x[j + 3 * SUM_LANES];
        const real e0 = NAME(scaled_exp)(x0, ref.shift, ref.limit, ref.offset);
        const real e1 = NAME(scaled_exp)(x1, ref.shift, ref.limit, ref.offset);
        const real e2 = NAME(scaled_exp)(x2, ref.shift, ref.limit, ref.offset);
        const real e3 = NAME(scaled_exp)(x3, ref.shift, ref.limit, ref.offset);
        const real c01 = (x0 == max ? (real)1 : (real)0) + (x1 == max ? (real)1 : (real)0);
        const real c23 = (x2 == max ? (real)1 : (real)0) + (x3 == max ? (real)1 : (real)0);
        count[j] += c01 + c23;
        term[0][j] = x0 == max ? (real)0 : e0;
        term[1][j] = x1 == max ? (real)0 : e1;
        term[2][j] = x2 == max ? (real)0 : e2;
        term[3][j] = x3 == max ? (real)0 : e3;
    }
    PYCE_SIMD
    for (j = 0; j < SUM_LANES; j++) {
        if (WIDE) {
            NAME(accumulate)(sum + j, low + j, term[0][j]);
            NAME(accumulate)(sum + j, low + j, term[1][j]);
            NAME(accumulate)(sum + j, low + j, term[2][j]);
            NAME(accumulate)(sum + j, low + j, term[3][j]);
        } else {
            sum[j] += ((double)term[0][j] + (double)term[1][j]) + ((double)term[2][j] + (double)term[3][j]);
        }
    }
}

/* Labels of one group of SUM_LANES logits: dot, and the label mass on and off the maximum. */
typedef struct NAME(label_sums) {
    double dot[SUM_LANES], dot_lo[SUM_LANES], other[SUM_LANES], other_lo[SUM_LANES];
    double top[SUM_LANES], top_lo[SUM_LANES];
} NAME(label_sums);

/* t (max - x), for t the label of a logit below max; 0 where t is 0. In float64 max - x is halved meanwhile: it could
 * overflow where t (max - x) does not. */
PYCE_INLINE two NAME(label_term)(double t, double x, double max) {
    const double a = WIDE ? 0.5 * max : max, b = WIDE ? 0.5 * x : x;
    const double d = a - b;
    const double p = t == 0.0 ? 0.0 : t * d;
    const double back = a - d; /* what a - b and t d lost; nothing where d is infinite */
    const double lost = (a - (d + back)) + (back - b);
    const double low = product_error(t, d, p) + t * lost;
    return WIDE ? two_of(2.0 * p, 2.0 * finite_or_zero(low)) : two_of(p, 0.0);
}

/* One label: its mass goes to `other` or `top`, and that below the maximum to `dot`. One comparison with max decides
 * both; with one for each, gcc 12 makes branches of them and does not vectorise. */
PYCE_INLINE void NAME(add_label)(double t, double x, double max, double *dot, double *dot_lo, double *other,
                                 double *other_lo, double *top, double *top_lo) {
    const double below = x == max ? 0.0 : t;
    const two term = NAME(label_term)(below, x, max);
    NAME(accumulate)(dot, dot_lo, term.hi);
    if (WIDE) *dot_lo += term.lo;
    NAME(accumulate)(other, other_lo, below);
    NAME(accumulate)(top, top_lo, t - below);
}

PYCE_INLINE void NAME(label_group)(const real *x, const real *t, real max, NAME(label_sums) *sums) {
    int j;
    PYCE_SIMD
    for (j = 0; j < SUM_LANES; j++) {
        NAME(add_label)(t[j], x[j], max, sums->dot + j, sums->dot_lo + j, sums->other + j, sums->other_lo + j,
                        sums->top + j, sums->top_lo + j);
    }
}

static void NAME(label_state)(row_states *states, int64_t place, const real *x, const real *t, int64_t n, real max) {
    NAME(label_sums) sums;
    real x_tail[SUM_LANES], t_tail[SUM_LANES];
    two dot, other, top;
    int64_t i;
    int j;
    memset(&sums, 0, sizeof sums);
    for (i = 0; i + SUM_LANES <= n; i += SUM_LANES) NAME(label_group)(x + i, t + i, max, &sums);
    if (i < n) {
        for (j = 0; j < SUM_LANES; j++) {
            x_tail[j] = i + j < n ? x[i + j] : max;
            t_tail[j] = i + j < n ? t[i + j] : (real)0;
        }
        NAME(label_group)(x_tail, t_tail, max, &sums);
    }
    dot = NAME(fold)(sums.dot, sums.dot_lo);
    other = NAME(fold)(sums.other, sums.other_lo);
    top = NAME(fold)(sums.top, sums.top_lo);
    states->dot[place] = dot.hi;
    states->dot_lo[place] = dot.lo;
    states->other[place] = other.hi;
    states->other_lo[place] = other.lo;
    states->top[place] = top.hi;
    states->top_lo[place] = top.lo;
}

/* One tile of one row, lanes along the row. `rest` is left in the scale of the exponentials, see normalise. */
static void NAME(state_along)(row_states *states, int64_t place, const void *x_data, const void *t_data, int64_t n) {
    const real *x = (const real *)x_data;
    const real max = NAME(max_of)(x, n);
    const NAME(reference) ref = NAME(reference_of)(max);
    NAME(accumulators) acc;
    real count[SUM_LANES], total = 0, tail[4 * SUM_LANES];
    two sum;
    int64_t i;
    int j;
    memset(&acc, 0, sizeof acc);
    for (j = 0; j < SUM_LANES; j++) count[j] = 0;
    for (i = 0; i + 4 * SUM_LANES <= n; i += 4 * SUM_LANES) NAME(sum_group)(x + i, max, ref, count, acc.sum, acc.low);
    if (i < n) {
        for (j = 0; j < 4 * SUM_LANES; j++) tail[j] = i + j < n ? x[i + j] : -(real)INFINITY;
        NAME(sum_group)(tail, max, ref, count, acc.sum, acc.low);
    }
    for (j = 0; j < SUM_LANES; j++) total += count[j];
    sum = NAME(fold)(acc.sum, acc.low);
    states->max[place] = max;
    states->count[place] = total;
    states->rest[place] = sum.hi;
    states->rest_lo[place] = sum.lo;
    if (t_data) NAME(label_state)(states, place, x, (const real *)t_data, n, max);
}

/* The maxima of a matrix (classes, rows) of VECTOR_ROWS * k rows; each lane is a row. */
PYCE_INLINE void NAME(lanes_max)(real *max, const real *x, int64_t classes, int64_t rows) {
    int64_t c, r;
    for (r = 0; r < rows; r++) max[r] = -(real)INFINITY;
    for (c = 0; c < classes; c++) {
        const real *row = x + c * rows;
        PYCE_SIMD
        for (r = 0; r < rows; r++) max[r] = row[r] > max[r] ? row[r] : max[r];
    }
}

static void NAME(label_lanes)(row_states *states, const real *x, const real *t, const real *max, int64_t classes,
                              int64_t rows) {
    int64_t c, r;
    memset(states->dot, 0, sizeof states->dot);
    memset(states->dot_lo, 0, sizeof states->dot_lo);
    memset(states->other, 0, sizeof states->other);
    memset(states->other_lo, 0, sizeof states->other_lo);
    memset(states->top, 0, sizeof states->top);
    memset(states->top_lo, 0, sizeof states->top_lo);
    for (c = 0; c < classes; c++) {
        const real *xc = x + c * rows, *tc = t + c * rows;
        PYCE_SIMD
        for (r = 0; r < rows; r++) {
            NAME(add_label)(tc[r], xc[r], max[r], states->dot + r, states->dot_lo + r, states->other + r,
                            states->other_lo + r, states->top + r, states->top_lo + r);
        }
    }
}

static void NAME(state_lanes)(row_states *states, const void *x_data, const void *t_data, const int64_t *index,
                              int64_t classes, int64_t rows) {
    const real *x = (const real *)x_data;
    real max[BLOCK_ROWS], shift[BLOCK_ROWS], limit[BLOCK_ROWS];
    real_bits offset[BLOCK_ROWS];
    int64_t c, r;
    NAME(lanes_max)(max, x, classes, rows);
    PYCE_SIMD
    for (r = 0; r < rows; r++) {
        const NAME(reference) ref = NAME(reference_of)(max[r]);
        shift[r] = ref.shift;
        limit[r] = ref.limit;
        offset[r] = ref.offset;
        states->max[r] = max[r];
        states->count[r] = 0;
        states->rest[r] = 0;
        states->rest_lo[r] = 0;
    }
    for (c = 0; c < classes; c++) {
        const real *xc = x + c * rows;
        PYCE_SIMD
        for (r = 0; r < rows; r++) {
            const real e = NAME(scaled_exp)(xc[r], shift[r], limit[r], offset[r]);
            NAME(accumulate)(states->rest + r, states->rest_lo + r, xc[r] == max[r] ? (real)0 : e);
            states->count[r] += xc[r] == max[r] ? 1.0 : 0.0;
        }
    }
    if (t_data) NAME(label_lanes)(states, x, (const real *)t_data, max, classes, rows);
    if (index) {
        for (r = 0; r < rows; r++) {
            states->at_label[r] = index[r] >= 0 && index[r] < classes ? (double)x[index[r] * rows + r] : (double)NAN;
        }
    }
}

/* exp(-r_max), where r_max = max - shift - k ln 2 is the part of max that the scaled exponentials did not divide out.
 * An infinite maximum gives 1. */
PYCE_INLINE two NAME(centre_of)(real max) {
    const real centred = max - NAME(reference_of)(max).shift;
    const double m = centred - centred == (real)0 ? (double)centred : 0.0;
    const double k = (double)(real)(FMA((real)m, INV_LN2, SHIFTER) - SHIFTER);
    const double r = m - k * LN2_HI_F64;
    return exp_reduced(WIDE ? two_of(-r, k * LN2_LO_F64) : two_of(-(r - k * LN2_LO_F64), 0.0), WIDE);
}

/* rest, as left by the loops above, to row_states' scale. */
static void NAME(normalise)(row_states *states, int64_t first, int64_t n) {
    int64_t i;
    PYCE_SIMD
    for (i = first; i < n; i++) {
        const two factor = NAME(centre_of)((real)states->max[i]);
        const two rest = multiply(two_of(states->rest[i], states->rest_lo[i]), factor, WIDE);
        states->rest[i] = rest.hi * ACC_TO_REST;
        states->rest_lo[i] = rest.lo * ACC_TO_REST;
    }
}

/* exp(max_i - max) of one state against the greatest, and the label terms that move with it */
PYCE_INLINE two NAME(demoted)(const row_states *states, int64_t i, double max) {
    two d, e, mass;
    if (states->max[i] == max) return two_of(states->rest[i], states->rest_lo[i]);
    d = WIDE ? two_sum(states->max[i], -max) : two_of(states->max[i] - max, 0.0);
    if (!(d.lo - d.lo == 0.0)) d.lo = 0.0; /* an infinite maximum */
    e = exp_negative(d, REST_BIAS, WIDE);
    mass = add(two_of(states->count[i], 0.0),
               two_of(states->rest[i] / REST_ONE, states->rest_lo[i] / REST_ONE), WIDE);
    return multiply(mass, e, WIDE);
}

/* mass (max - x) for the label mass of a piece whose maximum is x; halved where the difference could overflow */
PYCE_INLINE two NAME(moved)(two mass, double max, double x) {
    const double half = max > 0x1p1000 || x < -0x1p1000 ? 0.5 : 1.0;
    const two gap = WIDE ? two_sum(half * max, -half * x) : two_of(max - x, 0.0);
    two moved;
    if (mass.hi == 0.0) return two_of(0.0, 0.0);
    if (!(gap.hi - gap.hi == 0.0)) return two_of(mass.hi * gap.hi, 0.0);
    moved = multiply(mass, gap, WIDE);
    return WIDE ? two_of(moved.hi / half, moved.lo / half) : moved;
}

/* n states of pieces of one row, in order, to one. May work in place (to == states, place == 0). */
static void NAME(combine)(row_states *states, int64_t n, row_states *to, int64_t place, int32_t dense) {
    double max = -INFINITY, count = 0.0;
    two rest = two_of(0.0, 0.0), dot = rest, other = rest, top = rest;
    int64_t i;
    for (i = 0; i < n; i++) max = states->max[i] > max ? states->max[i] : max;
    for (i = 0; i < n; i++) {
        rest = add(rest, NAME(demoted)(states, i, max), WIDE);
        if (states->max[i] == max) count += states->count[i];
    }
    for (i = 0; dense && i < n; i++) {
        const two below = two_of(states->other[i], states->other_lo[i]);
        const two level = two_of(states->top[i], states->top_lo[i]);
        dot = add(dot, two_of(states->dot[i], states->dot_lo[i]), WIDE);
        other = add(other, below, WIDE);
        if (states->max[i] == max) {
            top = add(top, level, WIDE);
        } else {
            other = add(other, level, WIDE);
            dot = add(dot, NAME(moved)(add(below, level, WIDE), max, states->max[i]), WIDE);
        }
    }
    to->max[place] = max;
    to->count[place] = count;
    to->rest[place] = rest.hi;
    to->rest_lo[place] = rest.lo;
    to->dot[place] = dot.hi;
    to->dot_lo[place] = dot.lo;
    to->other[place] = other.hi;
    to->other_lo[place] = other.lo;
    to->top[place] = top.hi;
    to->top_lo[place] = top.lo;
}
