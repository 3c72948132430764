/* binary_tmpl.h: the element-wise loops of the sigmoid and weighted losses. Template, see formulas_tmpl.h. */

/* u = 1 - z, v = q z, w = u + v with smoothed labels and weights, or the derivatives of u and v by z: -1 and q. Formed
 * in double whatever the compute type: a label 1 - 1e-12 must not become 1. Where no option but a weight that is a
 * power of two changes an element, its coefficients are, to the last bit, those of a loop without options, times
 * that. */
PYCE_INLINE void NAME(coefficients_body)(const binary_labels *from, int64_t n, const coefficient_tiles *to,
                                         const int slopes) {
    const double *restrict z = from->z, *restrict q = from->q, *restrict weight = from->weight;
    const double unchanged = slopes || from->z_shift != 0.0 ? NAN : 0.0;
    const two shift = two_of(slopes ? 0.0 : from->z_shift, 0.0);
    const two z_scale = two_of(from->z_scale, from->z_scale_lo), scale = two_of(from->scale, from->scale_lo);
    real *restrict u = (real *)to->u, *restrict u_lo = (real *)to->u_lo;
    real *restrict v = (real *)to->v, *restrict v_lo = (real *)to->v_lo;
    real *restrict w = (real *)to->w, *restrict w_lo = (real *)to->w_lo;
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        const double minus = slopes ? -1.0 : 1.0 - z[i], label = slopes ? 1.0 : z[i];
        const double minus_lo = slopes ? 0.0 : finite_or_zero((1.0 - minus) - z[i]);
        const two negative = two_add(safe_product(two_of(minus, minus_lo), z_scale), shift);
        const two positive = two_add(safe_product(two_of(label, 0.0), z_scale), shift);
        const two factor = safe_product(two_of(weight[i], 0.0), scale);
        const int zero = ((positive.hi == 0.0) | (q[i] == 0.0)) & (positive.hi == positive.hi) & (q[i] == q[i]);
        const two product = safe_product(safe_product(positive, two_of(q[i], 0.0)), factor);
        const two left = safe_product(negative, factor);
        const two right = two_of(zero ? 0.0 : product.hi, zero ? 0.0 : product.lo);
        const two sum = two_add(left, right);
        const NAME(masses) general = {(real)left.hi, NAME(rest_of)(left), (real)right.hi,
                                      NAME(rest_of)(right), (real)sum.hi, NAME(rest_of)(sum)};
        const NAME(masses) simple = NAME(masses_of)((real)z[i], (real)q[i]);
        const real power = (real)from_bits_f64(bits_f64(weight[i]) & 0x7ff0000000000000u);
        /* 0 where all three are numbers of the compute type, the last a power of two */
        const double lost = fabs((double)(real)z[i] - z[i]) + fabs((double)(real)q[i] - q[i]) +
                            fabs((double)power - weight[i]);
        const int same = lost == unchanged;
        u[i] = same ? simple.u * power : general.u;
        u_lo[i] = same ? simple.u_lo * power : general.u_lo;
        v[i] = same ? simple.v * power : general.v;
        v_lo[i] = same ? simple.v_lo * power : general.v_lo;
        w[i] = same ? simple.w * power : general.w;
        w_lo[i] = same ? simple.w_lo * power : general.w_lo;
    }
}

static void NAME(coefficients_of)(const binary_labels *from, int64_t n, const coefficient_tiles *to) {
    if (from->slopes) NAME(coefficients_body)(from, n, to, 1);
    else NAME(coefficients_body)(from, n, to, 0);
}

/* What a loop makes its coefficients from: labels; labels and positive weights; either and a scale of the derivatives;
 * tiles of coefficients, and a scale. */
enum { NAME(PLAIN), NAME(WEIGHTED), NAME(PLAIN_SCALED), NAME(WEIGHTED_SCALED), NAME(TILES) };

/* `which` and `kind` are constants where this is inlined. */
PYCE_INLINE void NAME(binary_body)(const binary_loop *loop, const int which, const int kind) {
    const real *restrict xs = (const real *)loop->x;
    const real *restrict zs = (const real *)loop->labels, *restrict qs = (const real *)loop->pos_weight;
    const coefficient_tiles *from = &loop->coefficients;
    const real *restrict us = (const real *)from->u, *restrict us_lo = (const real *)from->u_lo;
    const real *restrict vs = (const real *)from->v, *restrict vs_lo = (const real *)from->v_lo;
    const real *restrict ws = (const real *)from->w, *restrict ws_lo = (const real *)from->w_lo;
    real *restrict loss = (real *)loop->loss;
    real *restrict grad = (real *)loop->grad;
    real *restrict hess = (real *)loop->hess;
    const real scale = (real)loop->scale;
    const real scale_lo = (real)((loop->scale - (double)scale) + loop->scale_lo);
    const int plain = kind == NAME(PLAIN), labels_alone = plain || kind == NAME(PLAIN_SCALED);
    const int scaled = kind == NAME(PLAIN_SCALED) || kind == NAME(WEIGHTED_SCALED) || kind == NAME(TILES);
    const int64_t n = loop->n;
    int64_t i;
    PYCE_SIMD
    for (i = 0; i < n; i++) {
        const real x = xs[i];
        const NAME(binary) b = NAME(binary_of)(x, plain);
        if (which == BINARY_LOG_PROB) {
            loss[i] = -NAME(binary_loss)(b, NAME(plain_coefficients)(x, (real)1), 1);
        } else if (which == BINARY_PROB) {
            loss[i] = NAME(binary_prob)(b, NAME(sigma_of)(b), x);
        } else {
            NAME(coefficients) k;
            if (labels_alone) {
                k = NAME(plain_coefficients)(x, zs[i]);
            } else if (kind == NAME(TILES)) {
                const NAME(masses) m = {us[i], us_lo[i], vs[i], vs_lo[i], ws[i], ws_lo[i]};
                k = NAME(coefficients_from)(x, m);
            } else {
                k = NAME(coefficients_from)(x, NAME(masses_of)(zs[i], qs[i]));
            }
            if (which & BINARY_LOSS) loss[i] = NAME(binary_loss)(b, k, labels_alone);
            if (which & (BINARY_GRAD | BINARY_HESS)) {
                const NAME(sigma) s = NAME(sigma_of)(b);
                if (scaled) k = NAME(scaled_coefficients)(k, scale, scale_lo);
                if (which & BINARY_GRAD) grad[i] = NAME(binary_grad)(b, s, x, k, plain);
                if (which & BINARY_HESS) hess[i] = NAME(binary_hess)(b, s, k);
            }
        }
    }
}

/* Small functions, one for each set of outputs and kind: in one function of all cases clang stops vectorising. */
#define BINARY_LOOP(which)                                                                                       \
    static void NAME(binary_plain_##which)(const binary_loop *l) { NAME(binary_body)(l, which, NAME(PLAIN)); }       \
    static void NAME(binary_weighted_##which)(const binary_loop *l) { NAME(binary_body)(l, which, NAME(WEIGHTED)); } \
    static void NAME(binary_plain_scaled_##which)(const binary_loop *l) {                                            \
        NAME(binary_body)(l, which, NAME(PLAIN_SCALED));                                                             \
    }                                                                                                                \
    static void NAME(binary_weighted_scaled_##which)(const binary_loop *l) {                                         \
        NAME(binary_body)(l, which, NAME(WEIGHTED_SCALED));                                                          \
    }                                                                                                                \
    static void NAME(binary_tiles_##which)(const binary_loop *l) { NAME(binary_body)(l, which, NAME(TILES)); }       \
    static void NAME(binary_##which)(const binary_loop *loop) {                                                      \
        const int scaled = (which) != BINARY_LOSS && loop->scale != 1.0; /* 1 over 1 and nothing else */             \
        if (!loop->labels) NAME(binary_tiles_##which)(loop);                                                         \
        else if (!loop->pos_weight) (scaled ? NAME(binary_plain_scaled_##which) : NAME(binary_plain_##which))(loop); \
        else (scaled ? NAME(binary_weighted_scaled_##which) : NAME(binary_weighted_##which))(loop);                  \
    }
BINARY_LOOP(1)
BINARY_LOOP(2)
BINARY_LOOP(3)
BINARY_LOOP(4)
BINARY_LOOP(5)
BINARY_LOOP(6)
BINARY_LOOP(7)
#undef BINARY_LOOP

static void NAME(binary_prob_loop)(const binary_loop *loop) {
    NAME(binary_body)(loop, BINARY_PROB, NAME(PLAIN));
}

static void NAME(binary_log_prob_loop)(const binary_loop *loop) {
    NAME(binary_body)(loop, BINARY_LOG_PROB, NAME(PLAIN));
}
