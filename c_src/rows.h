/* rows.h: what rows of few classes (lanes.c) and of many (tiled_rows.c) share (rows.c). */
#ifndef PYCE_ROWS_H
#define PYCE_ROWS_H

#include "problem.h"

/* What a block of rows needs once, whatever the class count. */
typedef struct PYCE_ALIGNED scratch {
    row_states states;
    row_totals totals;
    row_constants constants;
    row_weights weights;
    double loss[BLOCK_ROWS], lse[BLOCK_ROWS];
    int64_t index[BLOCK_ROWS]; /* index labels, -1 if out of range */
} scratch;

/* Whether an output carries the weights, so that it is 0 in a row that is not kept. */
static inline int is_masked_output(int32_t which) {
    return which == OUT_GRAD || which == OUT_HESS || which == OUT_LABELS_GRAD || which == OUT_HVP;
}

/* Whether labels_grad has a factor for each class. */
static inline int has_factors(const problem *p) {
    return p->class_weight.in || p->label_scale != 1.0;
}

/* Index labels and the logits at them, and the weights of a block of rows; `padded` entries are filled. Before anything
 * is written: grad may overwrite the logits. */
void pyce_read_rows(const problem *p, const block *b, int64_t padded, scratch *s);

/* What follows from the states: losses and log-sum-exps, stored or added to `to`; the constants of `padded` rows, if
 * there are steps. */
void pyce_finish_rows(const problem *p, const block *b, int64_t padded, scratch *s, sums *to);

/* The label sum of a row times its weight, over the denominator. */
double pyce_mass_of(const problem *p, const scratch *s, int64_t i);

/* Whether all logits of row i are -inf and its labels sum to 0: the Hessian is 0 then, though there is no softmax. */
int pyce_is_nothing(const problem *p, const scratch *s, int64_t i);

/* Stores whether row i of a block is correct: its label is the place of the first maximum. */
void pyce_store_correct(const problem *p, const block *b, int64_t i, int64_t label, int64_t place);

/* Whether logits and labels are in memory as the kernels want them. */
int pyce_reads_at_once(const problem *p);

/* Whether the first pass keeps what the gradient needs of each logit where the gradient goes. It is the same whether
 * kept or computed again. */
int pyce_keeps(const problem *p);

/* All rows of a block where they stand; `first` is set if the first pass keeps something there. */
rows_loop pyce_loop_over(const problem *p, const block *b);

/* Runs the only step for all rows of a block if their logits, labels and results are in memory as the kernels want
 * them; returns whether it has. The same results as tile by tile or in lanes. */
int pyce_write_at_once(const problem *p, const block *b, const scratch *s);

/* lanes.c and tiled_rows.c: pyce_run_rows for few classes and for many */
void pyce_run_few_classes(const problem *p, partial_sums *parts);
void pyce_run_many_classes(const problem *p, partial_sums *parts);

#endif
