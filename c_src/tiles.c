/* tiles.c: n losses in the order of the axes as one tile, whatever axes they lie on. A broadcast operand keeps axes
 * from merging: beside a positive weight for each of 10 classes the runs of the inner axis have 10 losses. So a tile
 * spans runs, and an operand that is not one run there is put together in scratch, a broadcast one from its first
 * period. In pieces of one run a loss took 4 times as long with 10 classes, and 15 times with 2. */
#include "problem.h"

#include <string.h>

/* The last axes that merge for an operand alone make its runs; after `period` losses it repeats itself. */
typedef struct layout {
    int64_t run, period;
} layout;

static layout layout_of(const problem *p, const operand *a) {
    layout l = {p->inner, p->outer * p->inner};
    int32_t last = p->axes - 2, i;
    while (last >= 0 && a->stride[last] == a->stride[last + 1] * p->extent[last + 1]) l.run *= p->extent[last--];
    for (i = 0; i <= last && a->stride[i] == 0; i++) l.period /= p->extent[i];
    return l;
}

static int64_t offset_of(const problem *p, const operand *a, int64_t place) {
    int64_t offset = 0;
    int32_t i;
    for (i = p->axes - 1; i > 0; i--) {
        offset += place % p->extent[i] * a->stride[i];
        place /= p->extent[i];
    }
    return offset + place * a->stride[0];
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void load_bytes(void *to, const void *from, int64_t stride, int64_t n) {
    const char *bytes = (const char *)from;
    int64_t i;
    for (i = 0; i < n; i++) ((char *)to)[i] = bytes[i * stride];
}

void pyce_load_tile(const problem *p, const operand *a, int64_t place, int64_t n, tile_load load, int64_t size,
                    void *to) {
    const layout l = layout_of(p, a);
    const int64_t once = least(n, l.period);
    int64_t done = 0, count;
    for (; done < once; done += count) {
        const void *from = input_at(a, offset_of(p, a, place + done));
        count = least(l.run - (place + done) % l.run, once - done);
        (load ? load : load_bytes)((char *)to + done * size, from, inner_stride(p, a), count);
    }
    for (; done < n; done += count) { /* whole periods, ever more of them */
        count = least(done, n - done);
        memcpy((char *)to + done * size, to, (size_t)(count * size));
    }
}

/* Whether a tile lies within a run. */
static int is_one_run(const problem *p, const operand *a, int64_t place, int64_t n) {
    const int64_t run = layout_of(p, a).run;
    return place % run + n <= run;
}

const void *pyce_read_tile(const problem *p, const operand *a, int64_t place, int64_t n, void *buffer) {
    if (is_direct(p, a, inner_stride(p, a), n) && is_one_run(p, a, place, n))
        return input_at(a, offset_of(p, a, place));
    pyce_load_tile(p, a, place, n, p->set->load[a->dtype], p->set->size, buffer);
    return buffer;
}

void *pyce_target_tile(const problem *p, int32_t which, int64_t place, int64_t n, void *buffer) {
    const operand *a = p->out + which;
    const int over = which == OUT_GRAD && p->in_place; /* the kernels' results must not be their operands */
    const int direct = !over && is_direct(p, a, inner_stride(p, a), n) && is_one_run(p, a, place, n);
    return direct ? output_at(a, offset_of(p, a, place)) : buffer;
}

void pyce_store_tile(const problem *p, int32_t which, int64_t place, int64_t n, const void *target) {
    const operand *a = p->out + which;
    const int64_t run = layout_of(p, a).run;
    int64_t done, count;
    if (target == output_at(a, offset_of(p, a, place))) return;
    for (done = 0; done < n; done += count) {
        count = least(run - (place + done) % run, n - done);
        p->set->store[a->dtype](output_at(a, offset_of(p, a, place + done)), (const char *)target + done * p->set->size,
                                inner_stride(p, a), count);
    }
}
