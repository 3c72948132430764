/* scalars_tmpl.h: what a row needs once, from row_states: losses and log-sum-exps, and the constants with which
 * rows_tmpl.h writes gradients, Hessians and probabilities. Template, see formulas_tmpl.h.
 *
 * With rest = sum over all but one maximal logit of exp(x_j - max), kept as rest * REST_ONE:
 *
 *   lse = max + log1p(rest)        loss = D + S log1p(rest)      D = sum t_j (max - x_j), S = sum t_j
 *   p_j = exp(x_j - max) / (1 + rest)
 *   grad_j = S p_j - t_j,  but (R - t_a rest) / (1 + rest) at a unique maximum a, R the mass of the other labels,
 *            where S p_a - t_a would cancel
 *   hess_j = S p_j (1 - p_j),  1 - p_j = rest / (1 + rest) where x_j is maximal
 *
 * each times the row's weight, derivatives also over the denominator. */

typedef struct NAME(row) {
    two rest; /* times REST_ONE */
    two y, inverse, mass;
    int nothing, poisoned; /* all logits -inf; the row's softmax does not exist */
} NAME(row);

/* What losses and constants share: computed in both, those of two classes took 1.15 times as long in float64. In a loop
 * of its own: in that of normalise, longer than the processor looks ahead, losses take 1.03 of the time. */
PYCE_INLINE void NAME(totals_body)(const row_states *states, int64_t n, row_totals *to, const int32_t dense) {
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        const two others = two_of(states->rest[i], states->rest_lo[i]);
        const two sum = add_finite(others, (states->count[i] - 1.0) * REST_ONE, WIDE);
        const two rest = scale_by_power(sum, 1.0 / REST_ONE, WIDE);
        const two one = WIDE ? two_sum(1.0, rest.hi) : two_of(1.0 + rest.hi, 0.0);
        const two y = WIDE ? fast_two_sum(one.hi, one.lo + rest.lo) : one;
        const two inverse = reciprocal(y, WIDE);
        to->rest[i] = sum.hi;
        to->inverse[i] = inverse.hi;
        if (WIDE) {
            to->rest_lo[i] = sum.lo;
            to->y[i] = y.hi;
            to->y_lo[i] = y.lo;
            to->inverse_lo[i] = inverse.lo;
        }
        if (dense) {
            const two mass = add(two_of(states->other[i], states->other_lo[i]),
                                 two_of(states->top[i], states->top_lo[i]), WIDE);
            to->mass[i] = mass.hi;
            if (WIDE) to->mass_lo[i] = mass.lo;
        }
    }
}

static void NAME(totals)(const row_states *states, int64_t n, int32_t dense, row_totals *to) {
    if (dense) NAME(totals_body)(states, n, to, 1);
    else NAME(totals_body)(states, n, to, 0);
}

PYCE_INLINE NAME(row) NAME(row_of)(const row_states *states, const row_totals *totals, int64_t i,
                                   const int32_t dense) {
    NAME(row) row;
    const double max = states->max[i];
    row.rest = two_of(totals->rest[i], WIDE ? totals->rest_lo[i] : 0.0);
    row.y = WIDE ? two_of(totals->y[i], totals->y_lo[i]) : two_of(1.0 + row.rest.hi, 0.0);
    row.inverse = two_of(totals->inverse[i], WIDE ? totals->inverse_lo[i] : 0.0);
    row.mass = two_of(dense ? totals->mass[i] : 1.0, dense && WIDE ? totals->mass_lo[i] : 0.0);
    row.nothing = max == -INFINITY;
    row.poisoned = (row.rest.hi != row.rest.hi) | ((max == INFINITY) & (states->count[i] > 1.0));
    return row;
}

/* log1p(rest) * REST_ONE */
PYCE_INLINE two NAME(log_sum_of)(NAME(row) row) {
    const two rest = scale_by_power(row.rest, 1.0 / REST_ONE, WIDE);
    const two log = log1p_positive(rest, row.y, row.inverse.hi, WIDE);
    const int tiny = rest.hi < 0x1p-70;
    return two_of(tiny ? row.rest.hi : log.hi * REST_ONE, WIDE ? (tiny ? row.rest.lo : log.lo * REST_ONE) : 0.0);
}

/* `plain` a constant: the weights are 1. Their products, which change no bit, are left out then: float64 losses of two
 * classes take 0.9 of the time. */
PYCE_INLINE void NAME(losses_body)(const row_states *states, const row_totals *totals, int64_t n,
                                   const row_weights *weights, double *loss, double *lse, const int32_t dense,
                                   const int32_t plain) {
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        const NAME(row) row = NAME(row_of)(states, totals, i, dense);
        const two log = NAME(log_sum_of)(row);
        const double max = states->max[i], at = dense ? 0.0 : states->at_label[i];
        const two gap = WIDE ? two_sum(max, -at) : two_of(max - at, 0.0);
        const two distance = dense ? two_of(states->dot[i], states->dot_lo[i])
                                   : two_of(at == max ? 0.0 : gap.hi, at == max ? 0.0 : gap.lo);
        /* weighted before the scale is taken off if small: a subnormal loss times 100 would keep its rounding error */
        const int tiny = log.hi < 1.0;
        const double weight = plain ? 1.0 : weights->value[i], far = distance.hi * weight;
        const double far_lo =
            WIDE ? finite_or_zero(product_error(distance.hi, weight, far) + distance.lo * weight) : 0.0;
        const two first = two_of(tiny ? weight : 1.0, 0.0), last = two_of(tiny ? 1.0 : weight, 0.0);
        const two mass = !dense ? first : plain ? row.mass : multiply(row.mass, first, WIDE);
        const two product = plain && !dense ? log : multiply(mass, log, WIDE);
        const two mass_log = scale_by_power(product, 1.0 / REST_ONE, WIDE);
        const two near = plain ? mass_log : multiply(mass_log, last, WIDE);
        const two total = add(two_of(far, far_lo), near, WIDE);
        const double log_one = log.hi * (1.0 / REST_ONE);
        const int bad = row.poisoned | (row.nothing & (row.mass.hi != 0.0));
        /* neither term of an index label is negative without weights: total.hi is their sum, rounded */
        const double low = WIDE && (dense || !plain) ? finite_or_zero(total.lo) : 0.0;
        const double value = bad ? (double)NAN : total.hi + low;
        loss[i] = !plain && weights->keep[i] == 0.0 ? 0.0 : value;
        lse[i] = row.rest.hi != row.rest.hi ? (double)NAN : (max - max == 0.0 ? max + log_one : max);
    }
}

static void NAME(losses)(const row_states *states, const row_totals *totals, int64_t n, int32_t dense,
                         const row_weights *weights, double *loss, double *lse) {
    if (dense && weights) NAME(losses_body)(states, totals, n, weights, loss, lse, 1, 0);
    else if (dense) NAME(losses_body)(states, totals, n, weights, loss, lse, 1, 1);
    else if (weights) NAME(losses_body)(states, totals, n, weights, loss, lse, 0, 0);
    else NAME(losses_body)(states, totals, n, weights, loss, lse, 0, 1);
}

/* What rounding to the compute type takes off, as a part of what it leaves */
PYCE_INLINE real NAME(excess_of)(two value) {
    return NAME(finite_or_none)(NAME(rest_of)(value) / (real)value.hi);
}

/* a - b, rounded once */
PYCE_INLINE double NAME(difference)(two a, two b) {
    const two s = WIDE ? two_sum(a.hi, -b.hi) : two_of(a.hi - b.hi, 0.0);
    return s.hi + (WIDE ? finite_or_zero(s.lo + (a.lo - b.lo)) : 0.0);
}

/* `all` a constant: 0 for those of ROWS_GRAD alone, in half the time. `plain` too: the weights and the scale are 1. */
PYCE_INLINE void NAME(constants_body)(const row_states *states, const row_totals *totals, int64_t n,
                                      const row_weights *weights, const double *scale, row_constants *to,
                                      const int32_t dense, const int32_t all, const int32_t plain) {
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        const NAME(row) row = NAME(row_of)(states, totals, i, dense);
        const real max = (real)states->max[i];
        const NAME(reference) ref = NAME(reference_of)(max);
        const int unique = states->count[i] == 1.0;
        const double prob_poison = (row.poisoned | row.nothing) ? (double)NAN : 0.0;
        const double poison = (row.poisoned | (row.nothing & (row.mass.hi != 0.0))) ? (double)NAN : 0.0;
        const two factor = two_of(states->factor[i], WIDE ? states->factor_lo[i] : 0.0);
        const two per_exp = multiply(row.inverse, factor, WIDE);
        const two weight = plain ? two_of(1.0, 0.0) : weigh(weights->value[i], scale, WIDE);
        const two mass = !dense ? weight : plain ? row.mass : multiply(row.mass, weight, WIDE);
        const two mass_per_exp = plain && !dense ? per_exp : multiply(mass, per_exp, WIDE);
        const two mass_per_one = plain && !dense ? row.inverse : multiply(mass, row.inverse, WIDE);
        const two others = multiply(row.rest, row.inverse, WIDE); /* (1 - p_max) REST_ONE */
        const two others_weighted = plain ? others : multiply(others, weight, WIDE);
        const two away =
            dense ? multiply(two_of(states->top[i], states->top_lo[i]), others_weighted, WIDE) : others_weighted;
        const two per_one = plain ? row.inverse : multiply(weight, row.inverse, WIDE);
        const two toward = multiply(two_of(states->other[i], states->other_lo[i]), per_one, WIDE);
        const double soft = NAME(difference)(toward, scale_by_power(away, 1.0 / REST_ONE, WIDE));
        const double at_unique = dense ? soft : mass_per_one.hi;
        to->max.MEMBER[i] = max;
        to->shift.MEMBER[i] = ref.shift;
        to->limit.MEMBER[i] = ref.limit;
        to->offset.MEMBER[i] = ref.offset;
        to->mass_scale.MEMBER[i] = (real)(mass_per_exp.hi + poison);
        to->mass_excess.MEMBER[i] = NAME(excess_of)(mass_per_exp);
        to->grad_at_max.MEMBER[i] = (real)((unique ? at_unique : mass_per_one.hi) + poison);
        to->weight.MEMBER[i] = (real)weight.hi;
        to->weight_lo.MEMBER[i] =
            WIDE ? (real)weight.lo : (real)finite_or_zero(weight.hi - (double)(real)weight.hi);
        to->tie.MEMBER[i] = (unique | row.nothing) ? (real)0 : (real)weight.hi;
        to->grad_at_label.MEMBER[i] = (real)(poison - others_weighted.hi * (1.0 / REST_ONE));
        if (all) {
            const two bend = multiply(mass_per_one, others, WIDE);
            const two log = NAME(log_sum_of)(row);
            to->prob_scale.MEMBER[i] = (real)(per_exp.hi + prob_poison);
            to->prob_scale_lo.MEMBER[i] = WIDE ? (real)per_exp.lo : (real)(per_exp.hi - (double)(real)per_exp.hi);
            to->prob_excess.MEMBER[i] = NAME(excess_of)(per_exp);
            to->prob_at_max.MEMBER[i] = (real)(row.inverse.hi + prob_poison);
            to->mass_scale_lo.MEMBER[i] =
                WIDE ? (real)mass_per_exp.lo : (real)(mass_per_exp.hi - (double)(real)mass_per_exp.hi);
            to->hess_at_max.MEMBER[i] = (real)(bend.hi * (1.0 / REST_ONE) + poison);
            to->log_sum.MEMBER[i] = (real)(log.hi * (1.0 / REST_ONE) + prob_poison);
            to->log_sum_lo.MEMBER[i] =
                WIDE ? (real)(log.lo * (1.0 / REST_ONE)) : (real)(log.hi - (double)(real)log.hi);
            to->log_scaled.MEMBER[i] = (real)(log.hi * (LOG_SCALE / REST_ONE) + prob_poison);
            to->log_scaled_lo.MEMBER[i] =
                (real)(WIDE ? log.lo * (LOG_SCALE / REST_ONE)
                            : finite_or_zero(log.hi * LOG_SCALE - (double)(real)(log.hi * LOG_SCALE)));
        }
    }
}

PYCE_INLINE void NAME(constants_for)(const row_states *states, const row_totals *totals, int64_t n, int32_t dense,
                                     int32_t all, const row_weights *weights, const double *scale, row_constants *to,
                                     const int32_t plain) {
    if (dense && all) NAME(constants_body)(states, totals, n, weights, scale, to, 1, 1, plain);
    else if (dense) NAME(constants_body)(states, totals, n, weights, scale, to, 1, 0, plain);
    else if (all) NAME(constants_body)(states, totals, n, weights, scale, to, 0, 1, plain);
    else NAME(constants_body)(states, totals, n, weights, scale, to, 0, 0, plain);
}

static void NAME(constants)(const row_states *states, const row_totals *totals, int64_t n, int32_t dense, int32_t all,
                            const row_weights *weights, const double *scale, row_constants *to) {
    if (weights) NAME(constants_for)(states, totals, n, dense, all, weights, scale, to, 0);
    else NAME(constants_for)(states, totals, n, dense, all, weights, scale, to, 1);
}
