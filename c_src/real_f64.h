/* real_f64.h: the compute type float64, for the templates that follow (formulas_tmpl.h and those after it).
 * Included by kernels.c; real_undef.h takes the names back. What each number means stands in real_f32.h. */
#define real double
#define real_bits uint64_t
#define NAME(base) base##_f64
#define OWN_DTYPE PYCE_FLOAT64 /* its own storage type */
#define MEMBER f64
#define FMA FMA_F64
#define BITS bits_f64
#define FROM_BITS from_bits_f64
#define ABS fabs
#define WIDE 1 /* sums and per-row scalars in two doubles */
#define MANTISSA 52
#define EXPONENT_ONE 1023
#define SHIFTER 0x1.8p52
#define INV_LN2 INV_LN2_F64
#define LN2_HI LN2_HI_F64
#define LN2_LO LN2_LO_F64
#define EXP_POLYNOMIAL(r, square) IN_PAIRS(10, FMA_F64, r, square, EXP_TAIL_F64)
#define LOG1P_POLYNOMIAL(e, square) IN_PAIRS_LAST(18, fused_f64, FMA_F64, e, square, LOG1P_TAIL_F64)

#define EXP_LIMIT 1023.0
#define EXP_BIAS 512
#define EXP_UNBIAS 0x1p-512
#define REST_BIAS 512
#define REST_ONE 0x1p512
#define ACC_TO_REST 1.0
#define EXACT_FROM 2160.0
#define LOG_SCALE 0x1p512
#define LOG_UNSCALE 0x1p-512

#define BINARY_LOWEST (-1417.48)
#define PLAIN_LOWEST (-752.05)
#define PLAIN_BIAS 64
#define PLAIN_POWER 0x1p-64
#define SPLITTER 134217729.0
