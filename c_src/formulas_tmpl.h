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

/* With the tail known: it takes most of the operations. */
PYCE_INLINE NAME(reduced) NAME(reduce_kept)(real x, real tail) {
    NAME(reduced) e;
    e.magic = FMA(x, INV_LN2, SHIFTER);
    e.bracket = FMA(-(e.magic - SHIFTER), LN2_HI, x);
    e.tail = tail;
    return e;
}

PYCE_INLINE NAME(reduced) NAME(reduce)(real x) {
    NAME(reduced) e = NAME(reduce_kept)(x, (real)0);
    const real c = (e.magic - SHIFTER) * LN2_LO, r = e.bracket - c, square = r * r;
    e.tail = FMA(square, EXP_POLYNOMIAL(r, square), -c);
    return e;
}

/* The same in two terms: `value` is within 0.51 ulp and value + low within 0.02 ulp of exp(r). */
typedef struct NAME(exponential) {
    real value, low;
} NAME(exponential);

PYCE_INLINE NAME(exponential) NAME(two_terms)(NAME(reduced) r) {
    const real sum = (real)1 + r.bracket, rest = (((real)1 - sum) + r.bracket) + r.tail;
    NAME(exponential) e;
    e.value = sum + rest;
    e.low = (sum - e.value) + rest;
    return e;
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

PYCE_INLINE real NAME(finite_or_none)(real x) {
    return x - x == (real)0 ? x : (real)0;
}

/* What the compute type loses of a number */
PYCE_INLINE real NAME(rest_of)(two number) {
    return (real)((number.hi - (double)(real)number.hi) + number.lo);
}

/* Rows ------------------------------------------------------------------------------------------------------------
 *
 * exp(x - max), without rounding x - max: the exponents of exp(x) and exp(max) are subtracted as integers and the
 * rest of exp(max), exp(r_max), is divided out per row (centre_of). Where |max| is so large that x - max is
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

/* 2^EXP_BIAS exp(x - max) exp(r_max), for sums: within 0.54 * 2^-MANTISSA of itself, since bracket + tail is rounded
 * and then the sum with 1. 0 below the limit and for those equal to `max`; NaN for NaN */
PYCE_INLINE real NAME(term_of)(NAME(reduced) e, real x, real max, real limit, real_bits offset) {
    const real power = NAME(power_of)(e.magic, offset);
    const real term = FMA(power, e.bracket + e.tail, power);
    const int none = (x < limit) | (x == max);
    return none ? (real)0 : term;
}

/* exp(r) scale (1 + excess): the exponential and the scale, a quotient, rounded each would make 2 ulp with the product.
 * With t = bracket + tail: scale + scale t, rounded once, is within 0.9 ulp, for t < 0.42 has an error of an eighth. */
PYCE_INLINE real NAME(times_scale)(NAME(reduced) e, real scale, real excess) {
    const real t = e.bracket + FMA(excess, e.bracket, e.tail + excess);
    return NAME(fused)(scale, t, scale);
}

/* exp(r) power (scale + scale_lo) in two terms, for the Hessian S p (1 - p): just below a power of two an error of S p
 * counts twice there. */
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
 * With a = |x|, e = exp(-a), s = log1p(e) and m = e / (1 + e) = sigma(-a), c the coefficient on x's side (u for x > 0,
 * else v) and w = u + v:
 *
 *   loss = c a + w s          grad = c - w m for x > 0, w m - c otherwise          hess = w m (1 - m)
 *
 * No term of a loss is negative for labels in [0, 1], so nothing cancels there. In the gradient u (1 - m) - v m the
 * terms c and w m are at most twice the greater of those two.
 *
 * e = 2^k (1 + p), k and the reduced argument as in reduce, |p| < 0.42: p is within half an ulp of e. To keep
 * its digits where e is subnormal, 2^k is two factors: `power` comes last, after the coefficients (a subnormal e times
 * 1e6 would keep its rounding error); what is "scaled" lacks it. Without coefficients (`plain`) `power` is a constant,
 * with them it is 2^(k/2), so that neither factor overflows beside a large one. From a limit on e counts as 0. */
typedef struct NAME(binary) {
    real minus;           /* -a */
    real first, first_75; /* 2^k scaled, and 3/4 of it */
    real p, power;
    real scaled, e; /* exp(-a), rounded */
} NAME(binary);

PYCE_INLINE NAME(binary) NAME(binary_of)(real x, const int plain) {
    const real_bits one = (real_bits)EXPONENT_ONE << MANTISSA, half = (real_bits)1 << (MANTISSA - 1);
    const real_bits bias = plain ? (real_bits)PLAIN_BIAS << MANTISSA : (real_bits)0;
    const real lowest = plain ? PLAIN_LOWEST : BINARY_LOWEST;
    NAME(binary) b;
    const real minus = -ABS(x);
    const real d = minus < lowest ? lowest : minus;
    const real magic = FMA(d, INV_LN2, SHIFTER), k = magic - SHIFTER;
    const real r = FMA(k, -LN2_LO, FMA(k, -LN2_HI, d)); /* the inner one is exact */
    const real_bits exponent = BITS(magic), part = plain ? exponent : exponent >> 1;
    b.minus = minus;
    b.p = FMA(r * r, EXP_POLYNOMIAL(r, r * r), r);
    b.first = FROM_BITS((part << MANTISSA) + (bias + one));
    b.first_75 = plain ? FROM_BITS((part << MANTISSA) + (bias + one - half)) : (real)0.75 * b.first;
    b.power = plain ? PLAIN_POWER : FROM_BITS(((exponent - part) << MANTISSA) + one);
    b.scaled = FMA(b.first, b.p, b.first);
    b.e = b.scaled * b.power;
    return b;
}

/* (a + a_lo) * (b + b_lo): what a * b leaves, without a_lo b_lo */
PYCE_INLINE real NAME(product_low)(real a, real a_lo, real b, real b_lo, real product) {
    return FMA(a, b_lo, a_lo * b) - NAME(residual)(product, a, b);
}

/* c (u = 1 - z or v = q z, on x's side) and w = u + v, in two terms each: in the gradient they cancel. The loss does
 * without the second of c: its rounding is half an ulp where c a is all of the loss, and less where w s, rounded
 * itself, is a part. */
typedef struct NAME(coefficients) {
    real c, c_lo, w, w_lo;
} NAME(coefficients);

/* No positive weight: v = z and w = 1 are exact. */
PYCE_INLINE NAME(coefficients) NAME(plain_coefficients)(real x, real z) {
    const real u = (real)1 - z, u_lo = ((real)1 - u) - z;
    NAME(coefficients) k;
    k.c = x > (real)0 ? u : z;
    k.c_lo = x > (real)0 ? u_lo : (real)0;
    k.w = (real)1 + (z - z); /* 1, NaN for NaN */
    k.w_lo = 0;
    return k;
}

/* u, v and w in two terms each; u and v are exact so. v is 0 if z or q is, also beside an infinity. */
typedef struct NAME(masses) {
    real u, u_lo, v, v_lo, w, w_lo;
} NAME(masses);

PYCE_INLINE NAME(masses) NAME(masses_of)(real z, real q) {
    const real product = q * z;
    const int zero = ((z == (real)0) | (q == (real)0)) & (z == z) & (q == q);
    NAME(masses) m;
    real back;
    m.u = (real)1 - z;
    m.u_lo = NAME(finite_or_none)(((real)1 - m.u) - z);
    m.v = zero ? (real)0 : product;
    m.v_lo = NAME(finite_or_none)(-NAME(residual)(product, q, z));
    m.w = m.u + m.v;
    back = m.w - m.u;
    m.w_lo = NAME(finite_or_none)(((m.u - (m.w - back)) + (m.v - back)) + (m.u_lo + m.v_lo));
    return m;
}

PYCE_INLINE NAME(coefficients) NAME(coefficients_from)(real x, NAME(masses) m) {
    NAME(coefficients) k;
    k.c = x > (real)0 ? m.u : m.v;
    k.c_lo = x > (real)0 ? m.u_lo : m.v_lo;
    k.w = m.w;
    k.w_lo = m.w_lo;
    return k;
}

/* The coefficients times a scale in two terms; the same bits for a scale of 1 */
PYCE_INLINE NAME(coefficients) NAME(scaled_coefficients)(NAME(coefficients) k, real scale, real scale_lo) {
    NAME(coefficients) r;
    r.c = k.c * scale;
    r.c_lo = NAME(finite_or_none)(NAME(product_low)(k.c, k.c_lo, scale, scale_lo, r.c));
    r.w = k.w * scale;
    r.w_lo = NAME(finite_or_none)(NAME(product_low)(k.w, k.w_lo, scale, scale_lo, r.w));
    return r;
}

/* s = log1p(e), scaled, in two terms: s = 3/4 e + e G(e), G(e) = 1/4 - e/2 + e^2 R(e), R(e) = (log1p(e) - e + e^2/2)
 * / e^3. All but 3/4 2^k is below half of s, and e G(e) far below: 1/4 e for a small e, -0.06 e near 1; 1/4 - e/2 is
 * exact for e >= 1/2. (e + e^2 Q(e), Q = (log1p(e) - e) / e^2, takes two operations less and makes 2.04 ulp of a
 * sigmoid loss, G = 1/4 + e Q one less and 2.15 of a weighted one, in float64.) */
typedef struct NAME(softplus) {
    real s, s_lo;
} NAME(softplus);

PYCE_INLINE NAME(softplus) NAME(softplus_of)(NAME(binary) b) {
    const real square = b.e * b.e;
    const real line = FMA((real)-0.5, b.e, (real)0.25);
    const real bend = b.scaled * NAME(fused)(square, LOG1P_POLYNOMIAL(b.e, square), line);
    const real rest = FMA(b.first_75, b.p, bend);
    NAME(softplus) s;
    s.s = b.first_75 + rest;
    s.s_lo = (b.first_75 - s.s) + rest;
    return s;
}

/* loss = c a + w s, the product and the sum of both rounded once. With `plain`, w is 1. The worst found by a search
 * among small logits and products just below a power of two is 1.85 ulp, without fused multiply-add 1.99. */
PYCE_INLINE real NAME(binary_loss)(NAME(binary) b, NAME(coefficients) k, const int plain) {
    const NAME(softplus) p = NAME(softplus_of)(b);
    const real scaled = plain ? p.s : NAME(fused)(k.w, p.s, FMA(k.w, p.s_lo, k.w_lo * p.s));
    const real curve = scaled * b.power;
    return k.c == (real)0 ? curve : NAME(fused)(-k.c, b.minus, curve);
}

/* m = e / (1 + e), scaled, in two terms */
typedef struct NAME(sigma) {
    real m, m_lo;
} NAME(sigma);

PYCE_INLINE NAME(sigma) NAME(sigma_of)(NAME(binary) b) {
    NAME(sigma) s;
    const real d = (real)1 + b.e, inverse = (real)1 / d;
    const real e_lo = FMA(b.first, b.p, b.first - b.scaled);
    const real d_lo = FMA(e_lo, b.power, ((real)1 - d) + b.e);
    s.m = b.scaled * inverse;
    s.m_lo = FMA(-s.m, d_lo, NAME(residual)(b.scaled, s.m, d) + e_lo) * inverse;
    return s;
}

/* grad = c - w m for x > 0, w m - c otherwise */
PYCE_INLINE real NAME(binary_grad)(NAME(binary) b, NAME(sigma) s, real x, NAME(coefficients) k, const int plain) {
    const real far = plain ? s.m : k.w * s.m;
    const real far_lo = plain ? s.m_lo : NAME(product_low)(k.w, k.w_lo, s.m, s.m_lo, far);
    const real g = FMA(-far, b.power, k.c) + FMA(-far_lo, b.power, k.c_lo);
    return x > (real)0 ? g : (real)0 - g;
}

/* hess = w m (1 - m) */
PYCE_INLINE real NAME(binary_hess)(NAME(binary) b, NAME(sigma) s, NAME(coefficients) k) {
    const real m = s.m * b.power, square = m * s.m, h = s.m - square;
    const real square_lo = NAME(residual)(square, m, s.m); /* minus what the square lost */
    const real h_lo = FMA(s.m_lo, FMA((real)-2, m, (real)1), ((s.m - h) - square) + square_lo);
    return NAME(fused)(k.w, h, FMA(k.w, h_lo, k.w_lo * h)) * b.power;
}

PYCE_INLINE real NAME(binary_prob)(NAME(binary) b, NAME(sigma) s, real x) {
    const real small = (s.m + s.m_lo) * b.power;
    return x > (real)0 ? (real)1 - small : small;
}
