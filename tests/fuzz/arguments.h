/* What the fuzzer knows of the arrays of a pyce_args: written from the header, not from the library's own checks, so
 * that the two can disagree. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "pyce.h"

enum {
    LOGITS, LABELS, POS_WEIGHT, SAMPLE_WEIGHT, WHERE, CLASS_WEIGHT, VECTOR, /* read */
    LOSS, GRAD, HESS, LSE, PROB, LOG_PROB, CORRECT, LABELS_GRAD, HVP,       /* written */
    ARRAYS,
    OUTPUTS = LOSS
};

/* An array of a call; inputs and outputs have one layout. */
pyce_array array_of(const pyce_args *args, int which);
void set_array(pyce_args *args, int which, const pyce_array *array);
pyce_argument argument_of(int which);

int is_rows(const pyce_args *args);
int64_t size_of(pyce_dtype dtype);      /* bytes of an element; 0 for a number that is no dtype */
int needs_labels(const pyce_args *args); /* whether some output that is asked for does */
pyce_dtype compute_type(const pyce_args *args);

/* Whether an array has an axis of the call, and can step along it. */
int has_axis(const pyce_args *args, int which, int32_t axis);

/* The elements of an array in C order. */
typedef struct walk {
    int64_t extent[PYCE_MAX_NDIM], stride[PYCE_MAX_NDIM], at[PYCE_MAX_NDIM];
    int64_t offset; /* of the element, in elements from `data` */
    int64_t index;
    int32_t axes;
    int empty;
} walk;
walk walk_of(const pyce_args *args, int which);
int walk_on(walk *w); /* 0 after the last */

/* The label in exact terms: negative, or a number. */
typedef struct label {
    uint64_t value; /* two's complement if it is negative */
    int negative;
} label;
label label_at(const void *data, pyce_dtype dtype, int64_t offset);

/* Whether the call must be taken, or refused; or reaches memory that is not there, or takes for ever: not to be run. */
typedef enum verdict { TAKES, REFUSES, MAY_REFUSE, REFUSES_LABEL, NOT_TO_BE_RUN } verdict;
verdict judge(const pyce_args *args, int64_t *bad_label);

#endif
