/* One call, as an input describes it. */
#ifndef CALL_H
#define CALL_H

#include "arena.h"
#include "arguments.h"
#include "bytes.h"

/* Of the first version's pyce_args, and of the longest that there will be: no other is ever right. */
enum { FIRST_ARGS_BYTES = 1408, MOST_ARGS_BYTES = 4096 };

typedef struct call {
    pyce_args args;
    int64_t args_bytes;  /* that are there, from 8 on; 0: args is NULL */
    int64_t strange;     /* which of them, behind what this header knows, is not 0; 0: none */
    int64_t error_bytes; /* that are there, from 8 on; 0: error is NULL */
    int64_t error_size;  /* what it says of itself */
    uint32_t again;      /* how the call is repeated */
} call;

/* decode.c: a call that the library must take, unless a label is no class, with all its arrays in the arena. */
void decode_call(bytes *from, call *to);

/* decode.c: an array of one dtype, with an element for each loss or logit, in a new region. */
region *decode_array(bytes *from, pyce_args *args, int which, pyce_dtype dtype);

/* fill.c: contents for the region of an array. */
void fill_array(bytes *from, const pyce_args *args, int which, region *r);

/* spoil.c: makes one thing about the call wrong, or at least odd. */
void spoil_call(bytes *from, call *to, int again);

/* check.c: runs the call and checks what must hold for any. A finding is printed, and ends the program. */
void check_call(const call *c);

/* repeat.c: the same problem, or one row of it, as another call: contiguous copies of the arrays, other threads,
 * another instruction set, some of the outputs. Prepared before the call, which may overwrite the logits. */
typedef struct repeat {
    pyce_args args;
    int64_t start[PYCE_MAX_NDIM]; /* of the row in the whole */
} repeat;
void prepare_repeat(const call *c, repeat *to);

/* The first output in which the two differ, at the element `index` of the repeat; -1 if there is none. */
int compare_repeat(const call *c, const repeat *r, int64_t *index);

/* What has been done so far. */
enum { HIGHEST_STATUS = 99 };
typedef struct tally {
    long inputs, not_run, repeated;
    long status[HIGHEST_STATUS + 1];
} tally;
extern tally done;

/* The whole of it: libFuzzer's entry, and the driver's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
