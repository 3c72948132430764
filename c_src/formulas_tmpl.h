/* formulas_tmpl.h: the formulas of one element, in the compute type `real`. Pure inline functions without branches;
 * what a formula shares between loss, gradient and Hessian is computed once by construction. Template: kernels.c
 * includes it once per compute type, after real_f32.h or real_f64.h. */

/* The exponential -------------------------------------------------------------------------------------------------
 *
 * exp(x) = 2^k exp(r), k = round(x / ln 2), r = x - k ln 2. ln 2 = LN2_HI + LN2_LO with k LN2_HI exact, so
 * r = (x - k LN2_HI) - c, where the bracket is exact and c = k LN2_LO. Then
 *
 *   exp(r) = 1 + bracket + tail,  tail = r^2 P(r) - c
 *
 * with |tail| < 0.1. `magic` holds k in its last bits. */
typedef struct NAME(reduced) {
    real bracket, tail, magic;
} NAME(reduced);

PYCE_INLINE NAME(reduced) NAME(reduce)(real x) {
    NAME(reduced) e;
    real k, c, r, square;
    e.magic = FMA(x, INV_LN2, SHIFTER);
    k = e.magic - SHIFTER;
    e.bracket = FMA(-k, LN2_HI, x);
    c = k * LN2_LO;
    r = e.bracket - c;
    square = r * r;
    e.tail = FMA(square, EXP_POLYNOMIAL(r, square), -c);
    return e;
}

/* The same in two terms: `value` is within 0.51 ulp and value + low within 0.02 ulp of exp(r). */
typedef struct NAME(exponential) {
    real value, low, magic;
} NAME(exponential);

PYCE_INLINE NAME(exponential) NAME(two_terms)(NAME(reduced) r) {
    const real sum = (real)1 + r.bracket, rest = (((real)1 - sum) + r.bracket) + r.tail;
    NAME(exponential) e;
    e.value = sum + rest;
    e.low = (sum - e.value) + rest;
    e.magic = r.magic;
    return e;
}

PYCE_INLINE NAME(exponential) NAME(exponential_of)(real x) {
    return NAME(two_terms)(NAME(reduce)(x));
}

/* 2^(k + offset), k in the last bits of magic */
PYCE_INLINE real NAME(power_of)(real magic, real_bits offset) {
    return FROM_BITS((BITS(magic) + offset + EXPONENT_ONE) << MANTISSA);
}

/* n - q d exactly, up to a rounding of the (tiny) result */
PYCE_INLINE real NAME(residual)(real n, real q, real d) {
#if HAVE_FMA
    return FMA(-q, d, n);
#else
    const real cq = SPLITTER * q, cd = SPLITTER * d;
    const real qh = cq - (cq - q), dh = cd - (cd - d);
    const real ql = q - qh, dl = d - dh;
    return (((n - qh * dh) - qh * dl) - ql * dh) - ql * dl;
#endif
}

/* a b + c with one rounding, also without the instruction for it: what a result ends with */
PYCE_INLINE real NAME(fused)(real a, real b, real c) {
#if HAVE_FMA
    return FMA(a, b, c);
#else
    const real p = a * b, sum = p + c, back = sum - p;
    const real lost = ((p - (sum - back)) + (c - back)) - NAME(residual)(p, a, b);
    return lost - lost == (real)0 ? sum + lost : sum;
#endif
}

/* a + b + low with one rounding; `low` is dropped where it is not finite, beside an infinite a or b */
PYCE_INLINE real NAME(sum_of)(real a, real b, real low) {
    const real sum = a + b, back = sum - a;
    const real rest = ((a - (sum - back)) + (b - back)) + low;
    return rest - rest == (real)0 ? sum + rest : sum;
}

/* Rows ------------------------------------------------------------------------------------------------------------
 *
 * exp(x - max), without rounding x - max: the exponents of exp(x) and exp(max) are subtracted as integers and the
 * rest of exp(max), exp(r_max), is divided out per row (normalise, finish). Where |max| is so large that x - max is
 * exact, `shift` = max is subtracted first and r_max = 0. */
typedef struct NAME(reference) {
    real shift, limit;
    real_bits offset;
} NAME(reference);

PYCE_INLINE NAME(reference) NAME(reference_of)(real max) {
    NAME(reference) reference;
    const real size = ABS(max);
    const real shift = size >= EXACT_FROM ? max : (real)0;
    reference.shift = size - size == (real)0 ? shift : (real)0; /* 0 for an infinite max */
    reference.limit = max - EXP_LIMIT;
    reference.offset = (real_bits)EXP_BIAS - BITS(FMA(max - reference.shift, INV_LN2, SHIFTER));
    return reference;
}

/* 2^EXP_BIAS exp(x - max) exp(r_max), for sums: within 0.54 * 2^-MANTISSA of itself, since 1 + (bracket + tail) rounds
 * twice. 0 below the limit; NaN for NaN */
PYCE_INLINE real NAME(scaled_exp)(real x, real shift, real limit, real_bits offset) {
    const NAME(reduced) e = NAME(reduce)(x - shift);
    const real scaled = ((real)1 + (e.bracket + e.tail)) * NAME(power_of)(e.magic, offset);
    return x < limit ? (real)0 : scaled;
}

/* exp(r) scale (1 + excess): the exponential and the scale, a quotient, rounded each would make 2 ulp with the product.
 * With t = bracket + tail: scale + scale t, rounded once, is within 0.9 ulp, for t < 0.42 has an error of an eighth. */
PYCE_INLINE real NAME(times_scale)(NAME(reduced) e, real scale, real excess) {
    const real t = e.bracket + FMA(excess, e.bracket, e.tail + excess);
    return NAME(fused)(scale, t, scale);
}

/* exp(r) power (scale + scale_lo) in two terms, for the Hessian S p (1 - p): just below a power of two an error of S p counts twice there. */
typedef struct NAME(pair) {
    real hi, lo;
} NAME(pair);

PYCE_INLINE NAME(pair) NAME(pair_scaled_by)(NAME(reduced) r, real power, real scale, real scale_lo) {
    const NAME(exponential) e = NAME(two_terms)(r);
    NAME(pair) pair;
    const real value = e.value * power, product = scale * value;
    const real low = FMA(scale, e.low, scale_lo * e.value) * power - NAME(residual)(product, scale, value);
    pair.hi = product + low;
    pair.lo = (product - pair.hi) + low;
    return pair;
}

/* v (1 - p), scaled like v; p comes scaled by 2^EXP_BIAS */
PYCE_INLINE real NAME(bent)(NAME(pair) v, NAME(pair) p_scaled) {
    const real p = p_scaled.hi * EXP_UNBIAS, p_lo = p_scaled.lo * EXP_UNBIAS;
    const real away = v.hi * p;
    const real low = FMA(-v.hi, p_lo, FMA(-v.lo, p, v.lo)) + NAME(residual)(away, v.hi, p);
    return NAME(sum_of)(v.hi, -away, low);
}

/* Binary ----------------------------------------------------------------------------------------------------------
 *
 * a = |x|, e = exp(-a) in two terms. For a > TINY_FROM, e is scaled by 2^TINY_BIAS (`unscale` takes it off, after the
 * coefficients: a subnormal times 1e6 would keep its rounding error) and `plain`, which enters sums with 1, is 0. */
typedef struct NAME(binary) {
    real a, e, e_lo;       /* exp(-a), scaled */
    real plain, plain_lo;  /* exp(-a), 0 where it is scaled */
    real unscale;
} NAME(binary);

PYCE_INLINE NAME(binary) NAME(binary_of)(real x) {
    NAME(binary) b;
    NAME(exponential) e;
    real power;
    const real a = ABS(x);
    const int tiny = a > TINY_FROM;
    e = NAME(exponential_of)(a > TINY_LIMIT ? -TINY_LIMIT : -a);
    power = NAME(power_of)(e.magic, tiny ? (real_bits)TINY_BIAS : (real_bits)0);
    b.a = a;
    b.e = a > TINY_LIMIT ? (real)0 : e.value * power;
    b.e_lo = a > TINY_LIMIT ? (real)0 : e.low * power;
    b.plain = tiny ? (real)0 : b.e;
    b.plain_lo = tiny ? (real)0 : b.e_lo;
    b.unscale = tiny ? TINY_UNBIAS : (real)1;
    return b;
}

/* u = 1 - z, v = q z and w = u + v, each in two terms: rounded alone they would cost an ulp */
typedef struct NAME(coefficients) {
    real u, u_lo, v, v_lo, w, w_lo;
} NAME(coefficients);

/* No positive weight: v = z and w = 1 are exact. */
PYCE_INLINE NAME(coefficients) NAME(plain_coefficients)(real z) {
    NAME(coefficients) k;
    k.u = (real)1 - z;
    k.u_lo = ((real)1 - k.u) - z;
    k.v = z;
    k.v_lo = 0;
    k.w = (real)1 + (z - z); /* 1, NaN for NaN */
    k.w_lo = 0;
    return k;
}

/* (a + a_lo) * (b + b_lo): what a * b leaves, without a_lo b_lo */
PYCE_INLINE real NAME(product_low)(real a, real a_lo, real b, real b_lo, real product) {
    return FMA(a, b_lo, a_lo * b) - NAME(residual)(product, a, b);
}

/* loss = u (max(x,0) + s) + v (max(-x,0) + s), s = log1p(e):  c a + w s  with c the coefficient on x's side.
 * s = e - e^2/2 + e^3 R(e) in two terms. Every term is >= 0 for labels in [0, 1], so nothing cancels. With `plain`,
 * w is 1. */
PYCE_INLINE real NAME(binary_loss)(NAME(binary) b, real x, NAME(coefficients) k, const int plain) {
    const real c = x > (real)0 ? k.u : k.v, c_lo = x > (real)0 ? k.u_lo : k.v_lo;
    const real linear = c == (real)0 ? (real)0 : c * b.a;
    const real linear_lo = NAME(product_low)(c, c_lo, b.a, (real)0, linear);
    const real square = b.plain * b.plain;
    const real square_lo = NAME(residual)(square, b.plain, b.plain); /* minus what the square lost */
    const real cubic = b.plain * square * LOG1P_POLYNOMIAL(b.plain);
    const real slope = FMA((real)-0.5, b.plain, (real)1); /* of log1p, to 0.09: enough for e_lo */
    const real first = b.e - (real)0.5 * square;
    const real first_lo = (b.e - first) - (real)0.5 * square;
    const real tail = first_lo + FMA(slope, b.e_lo, FMA((real)0.5, square_lo, cubic));
    const real s = first + tail;
    const real s_lo = (first - s) + tail;
    const real curve = plain ? s : k.w * s;
    const real curve_lo = plain ? s_lo : NAME(product_low)(k.w, k.w_lo, s, s_lo, curve);
    return NAME(sum_of)(linear, curve * b.unscale, FMA(curve_lo, b.unscale, linear_lo));
}

/* 1/(1+e) and e/(1+e), each in two terms; the second scaled like e */
typedef struct NAME(sigma) {
    real big, big_lo, small, small_lo;
} NAME(sigma);

PYCE_INLINE NAME(sigma) NAME(sigma_of)(NAME(binary) b) {
    NAME(sigma) s;
    const real d = (real)1 + b.plain;
    const real d_lo = (((real)1 - d) + b.plain) + b.plain_lo;
    s.big = (real)1 / d;
    s.big_lo = (NAME(residual)((real)1, s.big, d) - s.big * d_lo) * s.big;
    s.small = b.e * s.big;
    s.small_lo = (NAME(residual)(b.e, s.small, d) + (b.e_lo - s.small * d_lo)) * s.big;
    return s;
}

/* grad = u s(x) - v s(-x) */
PYCE_INLINE real NAME(binary_grad)(NAME(binary) b, NAME(sigma) s, real x, NAME(coefficients) k) {
    const real big = x > (real)0 ? k.u : -k.v, big_lo = x > (real)0 ? k.u_lo : -k.v_lo;
    const real small = x > (real)0 ? -k.v : k.u, small_lo = x > (real)0 ? -k.v_lo : k.u_lo;
    const real near = big * s.big, far = small * s.small;
    const real near_lo = NAME(product_low)(big, big_lo, s.big, s.big_lo, near);
    const real far_lo = NAME(product_low)(small, small_lo, s.small, s.small_lo, far);
    return NAME(sum_of)(near, far * b.unscale, FMA(far_lo, b.unscale, near_lo));
}

/* hess = w s(x) s(-x) */
PYCE_INLINE real NAME(binary_hess)(NAME(binary) b, NAME(sigma) s, NAME(coefficients) k) {
    const real h = s.small * s.big;
    const real h_lo = NAME(product_low)(s.small, s.small_lo, s.big, s.big_lo, h);
    return NAME(fused)(k.w, h, FMA(k.w, h_lo, k.w_lo * h)) * b.unscale;
}

PYCE_INLINE real NAME(binary_prob)(NAME(binary) b, NAME(sigma) s, real x) {
    return x > (real)0 ? s.big + s.big_lo : (s.small + s.small_lo) * b.unscale;
}
