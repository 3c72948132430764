/* problem.h: a call brought to one form (problem.c), for rows.c and elements.c: axes that merge are merged, an
 * array is a pointer and strides, and the work is cut into blocks along the innermost axis. */
#ifndef PYCE_PROBLEM_H
#define PYCE_PROBLEM_H

#include "internal.h"

enum { IN_LOGITS = 0, IN_LABELS = 1, IN_POS_WEIGHT = 2, IN_COUNT = 3 };
enum { OUT_LOSS = 0, OUT_GRAD = 1, OUT_HESS = 2, OUT_LSE = 3, OUT_PROB = 4, OUT_LOG_PROB = 5 };

/* One array; in bytes what the kernels do not see, in elements what they do. `in` or `out` is NULL; both if absent. */
typedef struct operand {
    const char *in;
    char *out;
    int64_t size;                  /* of an element */
    int64_t stride[PYCE_MAX_NDIM]; /* of the merged axes, in elements */
    int64_t class_stride;
    pyce_dtype dtype;
} operand;

typedef struct problem {
    const pyce_args *args;
    const kernel_set *set;     /* of the compute type */
    const kernel_set *doubles; /* float64, for labels that are formed in double */
    operand in[IN_COUNT];
    operand out[OUTPUT_COUNT];
    pyce_dtype compute;
    int32_t threads;
    int32_t axes;                  /* merged axes, without the class axis; at least 1 */
    int64_t extent[PYCE_MAX_NDIM]; /* the last is the inner one */
    int64_t inner, outer;          /* extent of the last, product of the others */
    int64_t classes;               /* 1 for the binary losses */
    int in_place;                  /* grad is written over the logits */
} problem;

/* A piece of the innermost axis. Its offsets in elements, one per array. */
typedef struct block {
    int64_t in[IN_COUNT];
    int64_t out[OUTPUT_COUNT];
    int64_t n;
} block;

/* Fills p from a validated call, which must outlive it. */
void pyce_make_problem(problem *p, const pyce_args *args);

/* Moves a block along the inner axis. */
void pyce_advance(const problem *p, block *b, int64_t steps);

/* The block of up to `length` from `start` on the inner axis, at place `outer` of the others. */
block pyce_block_at(const problem *p, int64_t outer, int64_t start, int64_t length);

/* Runs work on every block of up to `length`, on threads if there are elements enough. `work` gets the problem. */
typedef void (*block_work)(const problem *p, const block *b);
void pyce_for_blocks(const problem *p, int64_t length, block_work work);

static inline const void *input_at(const operand *a, int64_t offset) {
    return a->in + offset * a->size;
}

static inline void *output_at(const operand *a, int64_t offset) {
    return a->out + offset * a->size;
}

static inline int64_t inner_stride(const problem *p, const operand *a) {
    return a->stride[p->axes - 1];
}

/* n elements as the kernels want them: the caller's own memory if it has that form, else loaded to `buffer`. */
static inline const void *as_compute_type(const problem *p, const operand *a, int64_t offset, int64_t stride, int64_t n,
                                          void *buffer) {
    if (a->dtype == p->compute && (stride == 1 || n == 1)) return input_at(a, offset);
    p->set->load[a->dtype](buffer, input_at(a, offset), stride, n);
    return buffer;
}

/* Where to write n elements: the caller's own memory if it has that form, else `buffer`, to be stored afterwards. In
 * place the logits are still needed while grad is computed. */
static inline void *as_target(const problem *p, int32_t which, int64_t offset, int64_t stride, int64_t n,
                              void *buffer) {
    const operand *a = p->out + which;
    const int direct = a->dtype == p->compute && (stride == 1 || n == 1) && !(which == OUT_GRAD && p->in_place);
    return direct ? output_at(a, offset) : buffer;
}

static inline void store_target(const problem *p, int32_t which, int64_t offset, int64_t stride, int64_t n,
                                const void *target) {
    const operand *a = p->out + which;
    if (target != output_at(a, offset)) p->set->store[a->dtype](output_at(a, offset), target, stride, n);
}

void pyce_run_rows(const problem *p);     /* rows.c */
void pyce_run_elements(const problem *p); /* elements.c */

#endif
