/* kernels.h: what the driver (problem.c, rows.c, elements.c) and the kernels (kernels.c, compiled once per instruction
 * set) agree on.
 *
 * The driver knows no type and no instruction set; the kernels know no shape, no thread and no option. Data passes in
 * tiles of at most TILE_BYTES, in the compute type. Per-row quantities pass as structures of arrays (row_states,
 * row_constants), so that the scalar part of a row is computed for a block of rows at a time, in vectors. */
#ifndef PYCE_KERNELS_H
#define PYCE_KERNELS_H

#include <stdint.h>

#include "pyce.h"

/* Sizes. They decide the order of summation, hence the last bits: functions of nothing, or of the shape alone. */
enum {
    TILE_BYTES = 8192,    /* of one tile of a long row: x, labels and outputs of it stay in L1 */
    ELEMENT_BYTES = 4096, /* of one tile of elements (binary losses) */
    MATRIX_BYTES = 16384, /* of the scratch matrix (classes, rows) of the few-classes kernels */
    LANE_CLASSES = 127,   /* up to so many classes, a lane of the sums is a row; above, they run along the row */
    BLOCK_ROWS = 128,     /* rows (or tiles of one row) in a row_states */
    SUM_LANES = 16,       /* accumulators of a sum along a row */
    SUM_TERMS = 64,       /* logits whose terms are formed before they are added: a multiple of SUM_LANES */
    VECTOR_ROWS = 16      /* the few-classes kernels work on a multiple of so many rows */
};

/* A struct of scratch that starts at a cache line, so that no vector of it crosses one: float64 losses and gradients of
 * few classes take 0.95 of the time. */
#if defined(__GNUC__)
#define PYCE_ALIGNED __attribute__((aligned(64)))
/* A function that stays one: gcc 12 does not vectorise its loops within another, or its scratch would lie beside that
 * of what the other calls. */
#define PYCE_NOINLINE static __attribute__((noinline))
#else
#define PYCE_ALIGNED
#define PYCE_NOINLINE static
#endif

/* One entry per row, or per tile of a row. Sums are two doubles (hi, lo); in float32 the second does not count. */
typedef struct row_states {
    double max[BLOCK_ROWS];   /* the greatest logit; -inf if there is none but NaN */
    double count[BLOCK_ROWS]; /* how many logits equal it */
    double rest[BLOCK_ROWS];  /* sum of exp(x_j - max) over the others, times 2^REST_BIAS; NaN if a logit is */
    double rest_lo[BLOCK_ROWS];
    double factor[BLOCK_ROWS]; /* exp(-r_max), which the exponentials lack: see normalise */
    double factor_lo[BLOCK_ROWS];
    double shift[BLOCK_ROWS]; /* along rows: the reference's; NaN if the pieces of a row differ in it */
    double dot[BLOCK_ROWS]; /* dense labels: sum of t_j (max - x_j) */
    double dot_lo[BLOCK_ROWS];
    double other[BLOCK_ROWS]; /* sum of t_j over the logits below max */
    double other_lo[BLOCK_ROWS];
    double top[BLOCK_ROWS]; /* sum of t_j over the logits equal to max */
    double top_lo[BLOCK_ROWS];
    double at_label[BLOCK_ROWS]; /* index labels: the logit there; NaN if the label is out of range */
} row_states;

/* What losses and constants are both formed from, one entry per row, in two doubles. In float32 the second are not set,
 * nor is y. */
typedef struct row_totals {
    double rest[BLOCK_ROWS]; /* sum over all but one maximal logit, scaled as above */
    double rest_lo[BLOCK_ROWS];
    double y[BLOCK_ROWS]; /* 1 + rest, not scaled */
    double y_lo[BLOCK_ROWS];
    double inverse[BLOCK_ROWS]; /* 1 / y */
    double inverse_lo[BLOCK_ROWS];
    double mass[BLOCK_ROWS]; /* dense labels: sum of t_j */
    double mass_lo[BLOCK_ROWS];
} row_totals;

/* What the options make of a block of rows: the weight of each (sample weight, times that of an index label's class),
 * and 0 or 1: a row that is not kept is masked, or has the weight 0. */
typedef struct row_weights {
    double value[BLOCK_ROWS];
    double keep[BLOCK_ROWS];
} row_weights;

typedef union real_lanes {
    float f32[BLOCK_ROWS];
    double f64[BLOCK_ROWS];
} real_lanes;

typedef union bits_lanes {
    uint32_t f32[BLOCK_ROWS];
    uint64_t f64[BLOCK_ROWS];
} bits_lanes;

/* What the gradient, Hessian and probability loops need of each row, in the compute type. */
typedef struct row_constants {
    real_lanes max;
    real_lanes shift;      /* subtracted from x before the exponential, exactly */
    real_lanes limit;      /* below it exp(x - max) is 0 */
    bits_lanes offset;     /* of the exponents: EXP_BIAS minus that of max */
    real_lanes prob_scale; /* p_j = 2^-EXP_BIAS (scale + scale_lo) * scaled exponential */
    real_lanes prob_scale_lo;
    real_lanes prob_excess; /* what the scale in the compute type lacks, as a part of it */
    real_lanes prob_at_max;
    real_lanes mass_scale; /* the same for S p_j times the weight, as all below but log_sum */
    real_lanes mass_scale_lo;
    real_lanes mass_excess;
    real_lanes grad_at_max; /* grad where x_j == max, before - tie * t_j */
    real_lanes weight;      /* over the denominator */
    real_lanes weight_lo;
    real_lanes tie;           /* the weight where the maximum is not unique, else 0 */
    real_lanes grad_at_label; /* index labels: grad of the label's class if it is the unique maximum */
    real_lanes hess_at_max;
    real_lanes log_sum; /* log1p(rest), so that log p_j = -((max - x_j) + log_sum) */
    real_lanes log_sum_lo;
    real_lanes log_scaled; /* the same times LOG_SCALE, for labels_grad: a subnormal one would keep its rounding */
    real_lanes log_scaled_lo;
} row_constants;

typedef union matrix {
    float f32[MATRIX_BYTES / 4];
    double f64[MATRIX_BYTES / 8];
} matrix;

/* Which outputs a loop writes; the numbers index the tables below. */
enum {
    ROWS_GRAD = 0,
    ROWS_HESS = 1,
    ROWS_GRAD_HESS = 2,
    ROWS_PROB = 3,
    ROWS_LOG_PROB = 4,
    ROWS_LABELS_GRAD = 5, /* `labels` are factors of each class here */
    ROWS_LOOPS = 6
};
enum {
    BINARY_LOSS = 1,
    BINARY_GRAD = 2,
    BINARY_HESS = 4,
    BINARY_PROB = 8,     /* alone */
    BINARY_LOG_PROB = 9, /* alone */
    BINARY_LOOPS = 10
};

/* A matrix of rows; or, along rows, tiles of `count` rows that lie so many elements apart. x and labels in the compute
 * type, outputs too. */
typedef struct rows_loop {
    const void *x;
    const void *labels;   /* dense, or NULL */
    const int64_t *index; /* index labels of the rows, relative to the tile; NULL with dense or no labels */
    void *first;          /* grad, hess, prob, log_prob or labels_grad */
    void *second;         /* hess of ROWS_GRAD_HESS */
    int64_t classes;      /* in the tile */
    int64_t rows;         /* lanes: a multiple of VECTOR_ROWS; along: the first row's place in row_constants */
    int64_t count, x_step, labels_step, first_step, second_step; /* along only */
    /* Along, ROWS_GRAD: state_along keeps in `first` what the gradient is then computed from. It belongs to the shift
     * of its tile: a row of several tiles can use it if theirs are the same. */
    int32_t kept;
    const row_constants *constants;
} rows_loop;

/* What u = 1 - z and v = q z are formed from, a tile in double, if options or dtypes want that. The labels become
 * z_scale z + z_shift (smoothing), u and v are multiplied by weight * scale (+ scale_lo). With `slopes`: their
 * derivatives by z instead. */
typedef struct binary_labels {
    const double *z, *q, *weight;
    double z_scale, z_scale_lo, z_shift, scale, scale_lo;
    int32_t slopes;
} binary_labels;

/* u, v and u + v of a tile, in two terms each, in the compute type */
typedef struct coefficient_tiles {
    void *u, *u_lo, *v, *v_lo, *w, *w_lo;
} coefficient_tiles;

typedef struct binary_loop {
    const void *x;
    const void *labels;     /* of the compute type; NULL: the coefficients count */
    const void *pos_weight; /* of the compute type, beside labels; NULL: 1 */
    coefficient_tiles coefficients;
    double scale, scale_lo; /* of grad and hess */
    void *loss, *grad, *hess;
    int64_t n;
} binary_loop;

/* A running sum over losses in C order, in fixed lanes: that of a loss is its place in C order, modulo SUM_LANES. */
typedef struct sums {
    double hi[SUM_LANES], lo[SUM_LANES];
} sums;

/* Storage types of floating-point arrays are PYCE_FLOAT32 .. PYCE_BFLOAT16; index 0 is none. */
enum { FLOAT_DTYPES = 5 };

/* The mean of a vector under a row's probabilities: level + mean, the mean in two terms. */
typedef struct centre {
    double level, mean[2];
} centre;

/* Everything for one compute type. `place` is an entry of row_states. */
typedef struct kernel_set {
    int64_t size; /* bytes of the compute type */
    /* memory -> compute type and back; strides in elements */
    void (*load[FLOAT_DTYPES])(void *to, const void *from, int64_t stride, int64_t n);  /* [dtype] */
    void (*store[FLOAT_DTYPES])(void *to, const void *from, int64_t stride, int64_t n); /* [dtype] */
    void (*load_matrix[FLOAT_DTYPES])(void *to, int64_t to_rows, const void *from, int64_t row_stride,
                                      int64_t class_stride, int64_t rows, int64_t classes);
    void (*store_matrix[FLOAT_DTYPES])(void *to, int64_t row_stride, int64_t class_stride, const void *from,
                                       int64_t from_rows, int64_t rows, int64_t classes);
    void (*store_doubles[FLOAT_DTYPES])(void *to, const double *from, int64_t stride, int64_t n);
    /* rows */
    /* to[i] = the logit of row i at index[i]; NaN for -1 */
    void (*pick[FLOAT_DTYPES])(double *to, const void *from, int64_t row_stride, int64_t class_stride,
                               const int64_t *index, int64_t rows);
    /* of the rows of a loop, from `place` on; labels NULL: none for each class */
    void (*state_along)(row_states *states, int64_t place, const rows_loop *loop);
    void (*state_lanes)(row_states *states, const void *x, const void *labels, int64_t classes, int64_t rows);
    void (*normalise)(row_states *states, int64_t first, int64_t n);
    void (*combine)(row_states *states, int64_t n, row_states *to, int64_t place, int32_t dense);
    void (*totals)(const row_states *states, int64_t n, int32_t dense, row_totals *to);
    /* weights NULL: all are 1; for the constants the scale is 1 then, too */
    void (*losses)(const row_states *states, const row_totals *totals, int64_t n, int32_t dense,
                   const row_weights *weights, double *loss, double *lse);
    /* scale[2]: 1 over the denominator, in two terms */
    void (*constants)(const row_states *states, const row_totals *totals, int64_t n, int32_t dense, int32_t all,
                      const row_weights *weights, const double *scale, row_constants *to);
    void (*rows_along[ROWS_LOOPS])(const rows_loop *loop);
    void (*rows_lanes[ROWS_LOOPS])(const rows_loop *loop);
    /* elements */
    void (*coefficients_of)(const binary_labels *from, int64_t n, const coefficient_tiles *to);
    void (*binary[BINARY_LOOPS])(const binary_loop *loop);
    /* options */
    void (*clear)(void *data, const uint8_t *keep, int64_t n); /* 0 where it is not kept */
    /* effective labels w (alpha t + beta); w[0] for all unless `per_class`; t NULL: 0 */
    void (*blend)(void *to, const void *t, const double *w, int32_t per_class, double alpha, double beta, int64_t n);
    void (*put)(void *to, int64_t at, double value); /* to[at] */
    /* the first of the greatest: `best` and its place, carried from tile to tile; place -1: none yet, -2: a NaN came */
    void (*argmax)(const void *x, int64_t stride, int64_t n, int64_t offset, double *best, int64_t *place);
    void (*dot)(const void *p, const void *v, int64_t stride, int64_t n, centre *c); /* adds to the mean */
    /* to = scale p (v - (level + mean)) */
    void (*bend)(void *to, const void *p, const void *v, int64_t stride, int64_t n, const centre *c, double scale);
    void (*accumulate)(sums *to, int64_t place, const void *values, int64_t n);
} kernel_set;

enum { KERNEL_NEEDS_AVX2 = 1, KERNEL_NEEDS_AVX512 = 2 };

typedef struct kernels {
    int32_t needs; /* KERNEL_NEEDS_*, read from the compiler's own macros, so that flags and detection agree */
    const kernel_set *f32;
    const kernel_set *f64;
    void (*fold)(const sums *from, double *hi, double *lo);
    void (*total)(const double *hi, const double *lo, int64_t n, double denominator, double *result);
    void (*invert)(double denominator, double *scale);
} kernels;

extern const kernels pyce_kernels_baseline;
#if defined(PYCE_HAVE_AVX2)
extern const kernels pyce_kernels_avx2;
#endif
#if defined(PYCE_HAVE_AVX512)
extern const kernels pyce_kernels_avx512;
#endif

#endif
