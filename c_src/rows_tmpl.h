/* rows_tmpl.h: the loops over logits that write gradients, Hessians and probabilities, from the constants of each row
 * (scalars_tmpl.h, whose formulas these are). Template, see formulas_tmpl.h. */

typedef struct NAME(lane) {
    real max, shift, limit, prob_scale, prob_scale_lo, prob_excess, prob_at_max;
    real mass_scale, mass_scale_lo, mass_excess, grad_at_max, tie, tie_lo;
    real weight, weight_lo, hess_at_max, log_sum, log_sum_lo, log_scaled, log_scaled_lo;
    real_bits offset;
} NAME(lane);

PYCE_INLINE NAME(lane) NAME(lane_of)(const row_constants *from, int64_t i) {
    NAME(lane) lane;
    lane.max = from->max.MEMBER[i];
    lane.shift = from->shift.MEMBER[i];
    lane.limit = from->limit.MEMBER[i];
    lane.offset = from->offset.MEMBER[i];
    lane.prob_scale = from->prob_scale.MEMBER[i];
    lane.prob_scale_lo = from->prob_scale_lo.MEMBER[i];
    lane.prob_excess = from->prob_excess.MEMBER[i];
    lane.prob_at_max = from->prob_at_max.MEMBER[i];
    lane.mass_scale = from->mass_scale.MEMBER[i];
    lane.mass_scale_lo = from->mass_scale_lo.MEMBER[i];
    lane.mass_excess = from->mass_excess.MEMBER[i];
    lane.grad_at_max = from->grad_at_max.MEMBER[i];
    lane.tie = from->tie.MEMBER[i];
    lane.weight = from->weight.MEMBER[i];
    lane.weight_lo = from->weight_lo.MEMBER[i];
    lane.tie_lo = lane.tie == (real)0 ? (real)0 : lane.weight_lo;
    lane.hess_at_max = from->hess_at_max.MEMBER[i];
    lane.log_sum = from->log_sum.MEMBER[i];
    lane.log_sum_lo = from->log_sum_lo.MEMBER[i];
    lane.log_scaled = from->log_scaled.MEMBER[i];
    lane.log_scaled_lo = from->log_scaled_lo.MEMBER[i];
    return lane;
}

/* -log p_j times the weight, and times t if there are labels: factors of the classes here */
PYCE_INLINE real NAME(weighted_nll)(NAME(lane) lane, real x, real t, const int dense) {
    const real factor = dense ? lane.weight * t : lane.weight;
    const real factor_lo =
        dense ? FMA(lane.weight_lo, t, -NAME(residual)(factor, lane.weight, t)) : lane.weight_lo;
    const real gap = lane.max - x, gap_back = lane.max - gap;
    const real gap_lo = (lane.max - (gap + gap_back)) + (gap_back - x);
    const real sum = gap + lane.log_sum, back = sum - gap;
    const real sum_lo = ((gap - (sum - back)) + (lane.log_sum - back)) + (gap_lo + lane.log_sum_lo);
    const int top = x == lane.max;
    const real nll = top ? lane.log_scaled : sum, nll_lo = top ? lane.log_scaled_lo : sum_lo;
    const real low = FMA(factor, nll_lo, factor_lo * nll);
    const real product = low - low == (real)0 ? NAME(fused)(factor, nll, low) : factor * nll;
    const real value = top ? product * LOG_UNSCALE : product;
    return factor == (real)0 && nll == nll ? (real)0 : value;
}

/* `which`, `dense` and `kept` are constants where this is inlined. */
PYCE_INLINE void NAME(write_one)(NAME(lane) lane, real x, real t, real *first, real *second, const int which,
                                 const int dense, const int kept) {
    const NAME(reduced) e = kept ? NAME(reduce_kept)(x - lane.shift, *first) : NAME(reduce)(x - lane.shift);
    const real power = NAME(power_of)(e.magic, lane.offset);
    if (which == ROWS_LABELS_GRAD) {
        *first = NAME(weighted_nll)(lane, x, t, dense);
    } else if (which == ROWS_LOG_PROB) {
        const real gap = lane.max - x, back = lane.max - gap;
        const real gap_lo = (lane.max - (gap + back)) + (back - x);
        const real minus = NAME(sum_of)(gap, lane.log_sum, gap_lo + lane.log_sum_lo);
        *first = x == lane.max ? -lane.log_sum : -minus;
    } else if (which == ROWS_PROB) {
        const real p = NAME(times_scale)(e, lane.prob_scale, lane.prob_excess) * power * EXP_UNBIAS;
        *first = x == lane.max ? lane.prob_at_max : x < lane.limit ? lane.prob_scale * (real)0 : p;
    } else {
        const real nothing = lane.mass_scale * (real)0; /* NaN where the softmax does not exist */
        if (which != ROWS_HESS) {
            const real mass_p = NAME(times_scale)(e, lane.mass_scale, lane.mass_excess) * power * EXP_UNBIAS;
            const real toward = x < lane.limit ? nothing : mass_p;
            const real base = x == lane.max ? lane.grad_at_max : toward;
            const real weight = x == lane.max ? lane.tie : lane.weight;
            const real weight_lo = x == lane.max ? lane.tie_lo : lane.weight_lo;
            *first = dense ? FMA(-weight_lo, t, FMA(-weight, t, base)) : base;
        }
        if (which != ROWS_GRAD) {
            const NAME(pair) mass_p = NAME(pair_scaled_by)(e, power, lane.mass_scale, lane.mass_scale_lo);
            const NAME(pair) p = NAME(pair_scaled_by)(e, power, lane.prob_scale, lane.prob_scale_lo);
            const real bent = x < lane.limit ? nothing : NAME(bent)(mass_p, p) * EXP_UNBIAS;
            *(which == ROWS_HESS ? first : second) = x == lane.max ? lane.hess_at_max : bent;
        }
    }
}

/* grad at an index label, from S p */
PYCE_INLINE real NAME(grad_at_label)(const row_constants *constants, int64_t row, real x, real mass_p) {
    const int top = (x == constants->max.MEMBER[row]) & (constants->tie.MEMBER[row] == (real)0);
    const real rest = (mass_p - constants->weight.MEMBER[row]) - constants->weight_lo.MEMBER[row];
    return top ? constants->grad_at_label.MEMBER[row] : rest;
}

/* Whether a loop writes gradients, which differ at the index labels. */
#define HAS_GRAD(which) ((which) == ROWS_GRAD || (which) == ROWS_GRAD_HESS)

/* SUM_LANES logits of one row. */
PYCE_INLINE void NAME(write_some)(NAME(lane) lane, const real *x, const real *t, real *first, real *second,
                                  const int which, const int dense, const int kept) {
    int j;
    PYCE_SIMD
    for (j = 0; j < SUM_LANES; j++) {
        const real x_j = x[j], t_j = t[j];
        real a = kept ? first[j] : (real)0, b = 0;
        NAME(write_one)(lane, x_j, t_j, &a, &b, which, dense, kept);
        first[j] = a;
        if (which == ROWS_GRAD_HESS) second[j] = b;
    }
}

/* Fewer than SUM_LANES. */
PYCE_INLINE void NAME(write_few)(NAME(lane) lane, const real *x, const real *t, real *first, real *second, int64_t n,
                                 const int which, const int dense, const int kept) {
    real x_few[SUM_LANES], t_few[SUM_LANES], a[SUM_LANES], b[SUM_LANES];
    NAME(pad_tail)(x_few, x, n);
    NAME(pad_tail)(t_few, t, n);
    if (kept) NAME(pad_tail)(a, first, n);
    NAME(write_some)(lane, x_few, t_few, a, b, which, dense, kept);
    memcpy(first, a, (size_t)n * sizeof *first);
    if (which == ROWS_GRAD_HESS) memcpy(second, b, (size_t)n * sizeof *second);
}

/* Where the last logits do not fill the lanes, those before them are computed once more with them: one by one, fifteen
 * took as long as sixty. And first, as the others may write over the logits, and do over what is kept. */
PYCE_INLINE void NAME(along_body)(const rows_loop *loop, const int which, const int dense, const int kept) {
    const int64_t n = loop->classes, last = n - SUM_LANES;
    int64_t i, j;
    for (i = 0; i < loop->count; i++) {
        const real *x = (const real *)loop->x + i * loop->x_step;
        const real *t = dense ? (const real *)loop->labels + i * loop->labels_step : x;
        real *first = (real *)loop->first + i * loop->first_step;
        real *second = which == ROWS_GRAD_HESS ? (real *)loop->second + i * loop->second_step : first;
        const NAME(lane) lane = NAME(lane_of)(loop->constants, loop->rows + i);
        const int64_t at = HAS_GRAD(which) && loop->index ? loop->index[i] : -1;
        const int labelled = at >= 0 && at < n, uneven = n > SUM_LANES && n % SUM_LANES;
        const real x_at = labelled ? x[at] : (real)0;
        real end[SUM_LANES], second_end[SUM_LANES];
        if (uneven) {
            if (kept) memcpy(end, first + last, sizeof end);
            NAME(write_some)(lane, x + last, t + last, end, second_end, which, dense, kept);
        }
        for (j = 0; j + SUM_LANES <= n; j += SUM_LANES) {
            NAME(write_some)(lane, x + j, t + j, first + j, second + j, which, dense, kept);
        }
        if (n < SUM_LANES) {
            NAME(write_few)(lane, x, t, first, second, n, which, dense, kept);
        } else if (uneven) {
            memcpy(first + last, end, sizeof end);
            if (which == ROWS_GRAD_HESS) memcpy(second + last, second_end, sizeof second_end);
        }
        if (labelled) first[at] = NAME(grad_at_label)(loop->constants, loop->rows + i, x_at, first[at]);
    }
}

/* With `labelled` the index labels are compared with every class: one by one, those of two classes took as long as all
 * the rest. */
PYCE_INLINE void NAME(lanes_body)(const rows_loop *loop, const int which, const int dense, const int labelled) {
    const row_constants *restrict constants = loop->constants;
    const int64_t rows = loop->rows;
    real label[VECTOR_ROWS];
    int64_t c, r;
    int j;
    for (r = 0; r < rows; r += VECTOR_ROWS) { /* so many at a time: their constants stay in registers */
        for (j = 0; j < VECTOR_ROWS && labelled; j++) label[j] = (real)loop->index[r + j];
        for (c = 0; c < loop->classes; c++) {
            const real *restrict x = (const real *)loop->x + c * rows + r;
            const real *restrict t = dense ? (const real *)loop->labels + c * rows + r : x;
            real *restrict first = (real *)loop->first + c * rows + r;
            real *restrict second = which == ROWS_GRAD_HESS ? (real *)loop->second + c * rows + r : first;
            const real place = (real)c;
            PYCE_SIMD
            for (j = 0; j < VECTOR_ROWS; j++) {
                const NAME(lane) lane = NAME(lane_of)(constants, r + j);
                const real x_j = x[j];
                real a = 0, b = 0;
                NAME(write_one)(lane, x_j, t[j], &a, &b, which, dense, 0);
                if (labelled) {
                    const real at_label = NAME(grad_at_label)(constants, r + j, x_j, a);
                    a = label[j] == place ? at_label : a;
                }
                first[j] = a;
                if (which == ROWS_GRAD_HESS) second[j] = b;
            }
        }
    }
}

/* Gradients from the tails that state_along has kept there. */
static void NAME(along_kept)(const rows_loop *loop) {
    if (loop->labels) NAME(along_body)(loop, ROWS_GRAD, 1, 1);
    else NAME(along_body)(loop, ROWS_GRAD, 0, 1);
}

/* Small functions, one per output: in one function of all cases clang stops vectorising. */
#define ROWS_LOOP(name, which)                                                        \
    static void NAME(along_##name)(const rows_loop *loop) {                           \
        if ((which) == ROWS_GRAD && loop->kept) NAME(along_kept)(loop);               \
        else if (loop->labels) NAME(along_body)(loop, which, 1, 0);                   \
        else NAME(along_body)(loop, which, 0, 0);                                     \
    }                                                                                 \
    static void NAME(lanes_##name)(const rows_loop *loop) {                           \
        if (loop->labels) NAME(lanes_body)(loop, which, 1, 0);                        \
        else if (HAS_GRAD(which)) NAME(lanes_body)(loop, which, 0, 1);                \
        else NAME(lanes_body)(loop, which, 0, 0);                                     \
    }
ROWS_LOOP(grad, ROWS_GRAD)
ROWS_LOOP(hess, ROWS_HESS)
ROWS_LOOP(grad_hess, ROWS_GRAD_HESS)
ROWS_LOOP(prob, ROWS_PROB)
ROWS_LOOP(log_prob, ROWS_LOG_PROB)
ROWS_LOOP(labels_grad, ROWS_LABELS_GRAD)
#undef ROWS_LOOP
#undef HAS_GRAD
