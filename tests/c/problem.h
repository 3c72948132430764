/* One problem of any loss with every output it has, for tests that compare runs: fill it, run it under different
 * settings into fresh outputs, compare the outputs. */
#ifndef PROBLEM_H
#define PROBLEM_H

#include <stdlib.h>

#include "data.h"

enum { OUTPUT_LOSS, OUTPUT_GRAD, OUTPUT_HESS, OUTPUT_LSE, OUTPUT_PROB, OUTPUT_LOG_PROB, OUTPUTS };

static const char *const output_names[OUTPUTS] = {"loss", "grad", "hess", "lse", "prob", "log_prob"};

typedef struct problem {
    pyce_loss kind;
    pyce_dtype dtype;
    int64_t rows;
    int64_t classes; /* the binary losses take rows * classes elements */
    void *logits;
    void *dense;
    int64_t *index;
    double pos_weight;
} problem;

typedef struct results {
    int64_t count[OUTPUTS]; /* elements; 0: this loss does not have it */
    void *data[OUTPUTS];
} results;

static inline int is_binary(pyce_loss kind) { return kind == PYCE_SIGMOID || kind == PYCE_WEIGHTED; }

static inline void *allocate(int64_t n, size_t size) {
    void *data = calloc((size_t)n + 1, size);
    if (data == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return data;
}

static inline problem problem_new(pyce_loss kind, pyce_dtype dtype, int64_t rows, int64_t classes, int data_kind) {
    problem p = {kind, dtype, rows, classes, NULL, NULL, NULL, 0.7};
    p.logits = allocate(rows * classes, size_of(dtype));
    p.dense = allocate(rows * classes, size_of(dtype));
    p.index = (int64_t *)allocate(rows, sizeof(int64_t));
    fill_logits(data_kind, dtype, p.logits, rows * classes);
    fill_labels(dtype, p.index, p.dense, rows, classes);
    return p;
}

static inline void problem_free(problem *p) {
    free(p->logits);
    free(p->dense);
    free(p->index);
}

static inline results results_new(const problem *p) {
    results r;
    for (int k = 0; k < OUTPUTS; ++k) {
        const int per_row = !is_binary(p->kind) && (k == OUTPUT_LOSS || k == OUTPUT_LSE);
        r.count[k] = per_row ? p->rows : is_binary(p->kind) && k == OUTPUT_LSE ? 0 : p->rows * p->classes;
        r.data[k] = allocate(r.count[k], size_of(p->dtype));
        memset(r.data[k], 0x5a, (size_t)r.count[k] * size_of(p->dtype));
    }
    return r;
}

static inline void results_free(results *r) {
    for (int k = 0; k < OUTPUTS; ++k) {
        free(r->data[k]);
    }
}

static inline pyce_output *output_of(pyce_args *args, int k) {
    /* cppcheck-suppress constVariable ; it is const, what it points to is not */
    pyce_output *const outputs[OUTPUTS] = {&args->loss, &args->grad, &args->hess,
                                           &args->lse,  &args->prob, &args->log_prob};
    return outputs[k];
}

/* The arguments for contiguous arrays: (rows, classes) with the class axis last, also for the binary losses. */
static inline pyce_args problem_args(const problem *p, const results *r) {
    pyce_args args = pyce_args_rows(p->kind, p->dtype, p->logits, p->rows, p->classes, NULL, NULL);
    args.labels = p->kind == PYCE_SPARSE_SOFTMAX ? pyce_input_2d(p->index, PYCE_INT64, 1, 0)
                                                 : pyce_input_2d(p->dense, p->dtype, p->classes, 1);
    if (p->kind == PYCE_WEIGHTED) {
        args.pos_weight = pyce_input_2d(&p->pos_weight, PYCE_FLOAT64, 0, 0);
    }
    for (int k = 0; k < OUTPUTS; ++k) {
        if (r->count[k] == p->rows * p->classes && (is_binary(p->kind) || (k != OUTPUT_LOSS && k != OUTPUT_LSE))) {
            *output_of(&args, k) = pyce_output_2d(r->data[k], p->dtype, p->classes, 1);
        } else if (r->count[k] != 0) {
            *output_of(&args, k) = pyce_output_2d(r->data[k], p->dtype, 1, 0);
        }
    }
    return args;
}

static inline results problem_run(const problem *p, pyce_isa isa, int32_t num_threads) {
    results r = results_new(p);
    pyce_args args = problem_args(p, &r);
    args.isa = isa;
    args.num_threads = num_threads;
    pyce_error error = pyce_error_init();
    CHECK_SAYING(pyce_compute(&args, &error) == PYCE_OK, "%s: %s", pyce_loss_name(p->kind), error.message);
    return r;
}

/* Bit for bit, one check for each output. */
static inline void check_same_results(const problem *p, const results *a, const results *b, const char *setting) {
    for (int k = 0; k < OUTPUTS; ++k) {
        int64_t i = 0;
        while (i < a->count[k] && same_bits(load(p->dtype, a->data[k], i), load(p->dtype, b->data[k], i))) {
            ++i;
        }
        CHECK_SAYING(i == a->count[k], "%s %s (%lld, %lld), %s[%lld] under %s: %.17g, not %.17g",
                     pyce_loss_name(p->kind), pyce_dtype_name(p->dtype), (long long)p->rows, (long long)p->classes,
                     output_names[k], (long long)i, setting, load(p->dtype, b->data[k], i),
                     load(p->dtype, a->data[k], i));
    }
}

#endif
