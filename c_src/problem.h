/* problem.h: a call brought to one form (problem.c), for rows.c and elements.c: axes that merge are merged, an
 * array is a pointer and strides, and the work is cut into blocks along the innermost axis. */
#ifndef PYCE_PROBLEM_H
#define PYCE_PROBLEM_H

#include "internal.h"

enum {
    IN_LOGITS = 0,
    IN_LABELS = 1,
    IN_POS_WEIGHT = 2,
    IN_SAMPLE_WEIGHT = 3,
    IN_WHERE = 4,
    IN_VECTOR = 5,
    IN_COUNT = 6
};
enum {
    OUT_LOSS = 0,
    OUT_GRAD = 1,
    OUT_HESS = 2,
    OUT_LSE = 3,
    OUT_PROB = 4,
    OUT_LOG_PROB = 5,
    OUT_CORRECT = 6,
    OUT_LABELS_GRAD = 7,
    OUT_HVP = 8
};
enum { MOST_PARTS = 1024 }; /* blocks of a sum over losses; their partial sums are folded in order */

/* One array; in bytes what the kernels do not see, in elements what they do. `in` or `out` is NULL; both if absent. */
typedef struct operand {
    const char *in;
    char *out;
    int64_t size;                  /* of an element */
    int64_t stride[PYCE_MAX_NDIM]; /* of the merged axes, in elements */
    int64_t class_stride;
    pyce_dtype dtype;
} operand;

/* The outputs of rows that have the logits' shape: which loop writes which one or two. */
typedef struct step {
    int32_t loop, first, second; /* outputs; second -1 if there is none */
} step;
enum { MOST_STEPS = 5 };

typedef struct problem {
    const pyce_args *args;
    const kernels *kernels;
    const kernel_set *set;          /* of the compute type */
    const kernel_set *doubles;      /* float64, for labels and weights that are formed in double */
    int32_t in_used[IN_COUNT], ins; /* which of them are there: the others are left alone */
    int32_t out_used[OUTPUT_COUNT], outs;
    pyce_dtype compute;
    int32_t threads;               /* that may share the work: 1 if it is small */
    int32_t axes;                  /* merged axes, without the class axis; at least 1 */
    int64_t extent[PYCE_MAX_NDIM]; /* the last is the inner one */
    int64_t inner, outer;          /* extent of the last, product of the others */
    int64_t classes;               /* 1 for the binary losses */
    int in_place;                  /* grad is written over the logits */
    step steps[MOST_STEPS];        /* of rows, grad last: it may overwrite the logits */
    int32_t step_count;
    /* options (weights.c) */
    int dense;                       /* softmax family: every class has an (effective) label */
    int indexed;                     /* it has index labels, and uses them */
    int blended;                     /* the effective labels are not the labels themselves */
    int weighted;                    /* there are weights or masks of rows */
    int sums_loss;                   /* loss is reduced, and asked for */
    double label_scale, label_shift; /* of smoothing: t becomes scale t + shift */
    double denominator;              /* 1 for a sum; times `normal` */
    double scale[2];                 /* 1 over it; 0 if it is 0 */
    double normal;                   /* a power of two that is a factor of every weight: 1 but for a mean over a
                                        denominator whose inverse the compute type might not hold */
    /* strides are set of what is used */
    operand in[IN_COUNT];
    operand out[OUTPUT_COUNT]; /* without the loss if that is reduced */
    operand class_weight;      /* class_stride alone */
} problem;

/* A piece of the innermost axis. Its offsets in elements, one per array. */
typedef struct block {
    int64_t in[IN_COUNT];
    int64_t out[OUTPUT_COUNT];
    int64_t n;
    int64_t place; /* of its first loss in the order of the axes: C order if losses are summed */
} block;

/* Partial sums over losses: one for each block of the walk. */
typedef struct partial_sums {
    double hi[MOST_PARTS], lo[MOST_PARTS];
    int64_t count;
} partial_sums;

/* Fills p from a validated call, which must outlive it. */
void pyce_make_problem(problem *p, const pyce_args *args);

/* Moves a block along the inner axis. */
void pyce_advance(const problem *p, block *b, int64_t steps);

/* The block of up to `length` from `start` on the inner axis, at place `outer` of the others. */
block pyce_block_at(const problem *p, int64_t outer, int64_t start, int64_t length);

/* Losses in a block of the walk: `length` rounded to what sums need, a function of the shape. */
int64_t pyce_block_length(const problem *p, int64_t length);

/* Runs work on the blocks of pyce_block_length(length) losses, on threads if there are elements enough, in pieces of up
 * to `piece` losses; for rows, of one run of the inner axis. What it adds to `to` becomes a partial sum of the block;
 * `parts` may be NULL. */
typedef void (*block_work)(const problem *p, const block *b, sums *to);
void pyce_for_blocks(const problem *p, int64_t length, int64_t piece, block_work work, partial_sums *parts);

static inline const void *input_at(const operand *a, int64_t offset) {
    return a->in + offset * a->size;
}

static inline void *output_at(const operand *a, int64_t offset) {
    return a->out + offset * a->size;
}

static inline int64_t inner_stride(const problem *p, const operand *a) {
    return a->stride[p->axes - 1];
}

/* Whether n elements are in memory as the kernels want them. */
static inline int is_direct(const problem *p, const operand *a, int64_t stride, int64_t n) {
    return a->dtype == p->compute && (stride == 1 || n == 1);
}

/* n elements as the kernels want them: the caller's own memory if it has that form, else loaded to `buffer`. */
static inline const void *as_compute_type(const problem *p, const operand *a, int64_t offset, int64_t stride, int64_t n,
                                          void *buffer) {
    if (is_direct(p, a, stride, n)) return input_at(a, offset);
    p->set->load[a->dtype](buffer, input_at(a, offset), stride, n);
    return buffer;
}

/* Where to write n elements: the caller's own memory if it has that form, else `buffer`, to be stored
 * afterwards. */
static inline void *as_target(const problem *p, int32_t which, int64_t offset, int64_t stride, int64_t n,
                              void *buffer) {
    return is_direct(p, p->out + which, stride, n) ? output_at(p->out + which, offset) : buffer;
}

static inline void store_target(const problem *p, int32_t which, int64_t offset, int64_t stride, int64_t n,
                                const void *target) {
    const operand *a = p->out + which;
    if (target != output_at(a, offset)) p->set->store[a->dtype](output_at(a, offset), target, stride, n);
}

/* tiles.c: losses in the order of the axes, whatever runs of the inner axis they are in */

/* n of them from `place` on, loaded to `to` by a kernel_set's load, or as bytes (NULL). */
typedef void (*tile_load)(void *to, const void *from, int64_t stride, int64_t n);
void pyce_load_tile(const problem *p, const operand *a, int64_t place, int64_t n, tile_load load, int64_t size,
                    void *to);

/* The same in the compute type: the caller's own memory if it has that form, else loaded to `buffer`. */
const void *pyce_read_tile(const problem *p, const operand *a, int64_t place, int64_t n, void *buffer);

/* Where to write them: the caller's own memory if it has that form, else `buffer`, to be stored afterwards. */
void *pyce_target_tile(const problem *p, int32_t which, int64_t place, int64_t n, void *buffer);
void pyce_store_tile(const problem *p, int32_t which, int64_t place, int64_t n, const void *target);

/* weights.c */

/* What the options make of one piece of losses: see row_weights. `index` are its index labels, or NULL. */
enum { MOST_WEIGHTS = ELEMENT_BYTES / 4 };
typedef struct weights {
    double value[MOST_WEIGHTS];
    uint8_t counts[MOST_WEIGHTS]; /* not masked */
    uint8_t keep[MOST_WEIGHTS];   /* nor of weight 0 */
} weights;
void pyce_read_weights(const problem *p, const block *b, const int64_t *index, weights *to);

/* The index labels of a block, -1 where one is out of range (then it is masked, or the caller's memory has changed
 * since it was checked). */
void pyce_read_indices(const problem *p, const block *b, int64_t *index);

/* The weight of a class, 1 without class weights. */
double pyce_class_weight(const problem *p, int64_t index);

/* The effective label of the class that an index label names. */
double pyce_index_label(const problem *p, int64_t index);

/* Effective labels of n classes from `first` on, to `to`; `labels` are their labels in the compute type, or NULL. */
void pyce_blend_labels(const problem *p, int64_t first, int64_t n, const void *labels, void *to);

/* The derivatives of n effective labels by the labels. */
void pyce_fill_factors(const problem *p, int64_t first, int64_t n, void *to);

/* Finds p->denominator and p->scale. */
void pyce_find_denominator(problem *p);

/* Writes the reduced loss. */
void pyce_store_total(const problem *p, const partial_sums *parts);

/* rows.c, elements.c: everything but the total */
void pyce_run_rows(const problem *p, partial_sums *parts);
void pyce_run_elements(const problem *p, partial_sums *parts);

#endif
