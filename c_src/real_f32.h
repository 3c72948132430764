/* real_f32.h: the compute type float32, for the templates that follow (formulas_tmpl.h and those after it).
 * Included by kernels.c; real_undef.h takes the names back. */
#define real float
#define real_bits uint32_t
#define NAME(base) base##_f32
#define OWN_DTYPE PYCE_FLOAT32 /* its own storage type */
#define MEMBER f32
#define FMA FMA_F32
#define BITS bits_f32
#define FROM_BITS from_bits_f32
#define ABS fabsf
#define WIDE 0 /* sums and per-row scalars in one double */
#define MANTISSA 23
#define EXPONENT_ONE 127
#define SHIFTER 0x1.8p23f
#define INV_LN2 INV_LN2_F32
#define LN2_HI LN2_HI_F32
#define LN2_LO LN2_LO_F32
#define EXP_POLYNOMIAL(r, square) IN_PAIRS(5, FMA_F32, r, square, EXP_TAIL_F32)
#define LOG1P_POLYNOMIAL(e, square) IN_PAIRS_LAST(6, fused_f32, FMA_F32, e, square, LOG1P_TAIL_F32)

/* Rows: exp(x - max) is 0 for x < max - EXP_LIMIT (2^-183, far below what a result can hold). EXP_LIMIT is below half
 * of a power of two, so that max - EXP_LIMIT, rounded, is never much further from max. Exponentials are scaled by
 * 2^EXP_BIAS, so that none is subnormal; REST_BIAS is the scale of row_states.rest. From |max| >= EXACT_FROM on,
 * x - max is exact for every x above the limit (both lie within a factor of 2). */
#define EXP_LIMIT 127.0f
#define EXP_BIAS 64
#define EXP_UNBIAS 0x1p-64f
#define REST_BIAS 0
#define REST_ONE 0x1p0
#define ACC_TO_REST 0x1p-64
#define EXACT_FROM 264.0f
#define LOG_SCALE 0x1p64f
#define LOG_UNSCALE 0x1p-64f

/* Binary: the scaled 2^k is 0 at BINARY_LOWEST = -(2 EXPONENT_ONE - 1) ln 2, where k/2 is -EXPONENT_ONE. Without
 * coefficients exp(PLAIN_LOWEST) is far below what a result can hold, and 2^(k + PLAIN_BIAS) a normal number. */
#define BINARY_LOWEST (-175.35f)
#define PLAIN_LOWEST (-131.0f)
#define PLAIN_BIAS 64
#define PLAIN_POWER 0x1p-64f
#define SPLITTER 4097.0f
