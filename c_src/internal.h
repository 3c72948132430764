/* internal.h: what the C files of the library outside the kernels share. Nothing here is exported.
 *
 *   pyce.c       the call                   validate.c   checks arguments     labels.c   checks index labels
 *   problem.c    one form for every call    weights.c    what the options make of it
 *   rows.c, lanes.c, tiled_rows.c, elements.c, tiles.c    compute it with the kernels
 *   args.c, names.c, cpu.c, parallel.c      what they all stand on */
#ifndef PYCE_INTERNAL_H
#define PYCE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "kernels.h"

/* validate.c: checks every argument once. No output is touched. */
pyce_status pyce_validate(const pyce_args *args, pyce_error *error);

/* labels.c: whether every index label is inside 0 .. classes - 1; the first that is not, in C order, is reported. */
pyce_status pyce_check_labels(const pyce_args *args, pyce_error *error);

/* Whether the index label at an offset is ignore_index. */
int pyce_is_ignored(const pyce_args *args, int64_t offset);

/* An index label of any integer type; above INT64_MAX its two's complement, which is negative. */
int64_t pyce_read_label(const void *data, pyce_dtype dtype, int64_t offset);

/* n of them, -1 where one is not a class. */
void pyce_read_labels(const void *data, pyce_dtype dtype, int64_t offset, int64_t stride, int64_t n, int64_t classes,
                      int64_t *to);

/* args.c */

/* What the structs measured in the first version: no program has smaller ones. */
enum { FIRST_ARGS_SIZE = 1408, FIRST_ERROR_SIZE = 288 };

/* Whether `given` has a struct_size that a version had or may have, and no field set that this one does not know. It
 * may be shorter than a pyce_args. */
pyce_status pyce_check_size(const pyce_args *given, pyce_error *error);

/* Words an error, sets the status and returns it. */
pyce_status pyce_fail(pyce_error *error, pyce_status status, pyce_argument argument, int64_t value, const char *format,
                      ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 5, 6)))
#endif
    ;

/* Elements of the shape, without the class axis if `per_row`; -1 if they cannot be counted. */
int64_t pyce_count_elements(const pyce_args *args, int per_row);

/* Whether the product of a >= 0 and b > 0 is beyond what can be addressed. The first test saves the division, 5 ns,
 * of which a call has a dozen. */
static inline int exceeds(int64_t a, int64_t b) {
    const int64_t most = INT64_MAX / 16, half = (int64_t)1 << 29;
    return (a >= half || b >= half) && a > most / b;
}

int64_t pyce_dtype_size(pyce_dtype dtype); /* bytes; 0 if the dtype is unknown or not yet accepted */

/* The outputs of a call, in the order of pyce_args. */
enum { OUTPUT_COUNT = 9 };
enum { NEEDS_LABELS = 1, NEEDS_WEIGHTS = 2 /* depends on every option */ };
typedef struct output_info {
    size_t offset; /* of the pyce_output in pyce_args */
    pyce_argument argument;
    int32_t per_row;   /* softmax family: has no class axis */
    int32_t rows_only; /* not an output of the binary losses */
    int32_t needs;
} output_info;
extern const output_info pyce_outputs[OUTPUT_COUNT];

static inline const pyce_output *output_of(const pyce_args *args, int32_t i) {
    return (const pyce_output *)(const void *)((const char *)args + pyce_outputs[i].offset);
}

/* What the outputs that are asked for need: NEEDS_*. */
int32_t pyce_needs(const pyce_args *args);

static inline int is_rows(const pyce_args *args) {
    return args->loss_kind == PYCE_SOFTMAX || args->loss_kind == PYCE_SPARSE_SOFTMAX;
}

/* cpu.c: the table of an instruction set that this build and this CPU have, or NULL. */
const kernels *pyce_kernels_for(pyce_isa isa);

/* parallel.c: calls work(context, 0) in the default floating-point environment, and restores the caller's. */
typedef void (*pyce_work)(void *context, int64_t i);
void pyce_in_default_environment(pyce_work work, void *context);

/* Calls work(context, i) for 0 <= i < count, on up to `threads` threads. The caller is in the default environment; the
 * other threads are put into it. */
void pyce_parallel_for(pyce_work work, void *context, int64_t count, int32_t threads);

/* How many threads a call with this num_threads may use: 1 in a forked child or inside a parallel region. */
int32_t pyce_thread_limit(int32_t num_threads);

#endif
