/* Runs a call and checks what must hold for any: the status is the one that the header promises, nothing is written but
 * the elements of outputs, and these only if the status says so, and the same problem in another form gives the same
 * bits. */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ERROR_BYTES = 288 };

/* Of the first byte of an input, and how many bytes there are for the spoils; of `again`. */
enum { SPOILED_FROM = 184, SPOILED_TWICE_FROM = 244, SPOIL_BYTES = 40, REPEATED_FROM = 144 };

tally done;

static void describe(const pyce_args *args) {
    int32_t i;
    int which;
    fprintf(stderr, "loss_kind %d, ndim %d, axis %d, isa %d, num_threads %d, reduction %d, denominator %d (%g), ",
            (int)args->loss_kind, (int)args->ndim, (int)args->axis, (int)args->isa, (int)args->num_threads,
            (int)args->reduction, (int)args->denominator, args->denominator_value);
    fprintf(stderr, "label_smoothing %g, ignore_index %d %lld, struct_size %lld\nshape   ", args->label_smoothing,
            (int)args->has_ignore_index, (long long)args->ignore_index, (long long)args->struct_size);
    for (i = 0; i < args->ndim && i < PYCE_MAX_NDIM; i++) fprintf(stderr, " %lld", (long long)args->shape[i]);
    for (which = 0; which < ARRAYS; which++) {
        const pyce_array a = array_of(args, which);
        const char *name = pyce_dtype_name(a.dtype);
        if (!a.data) continue;
        fprintf(stderr, "\n%s: %s at %p, strides", pyce_argument_name(argument_of(which)), name ? name : "?", a.data);
        for (i = 0; i < args->ndim && i < PYCE_MAX_NDIM; i++) fprintf(stderr, " %lld", (long long)a.stride[i]);
    }
    fprintf(stderr, "\n");
}

static void require(int holds, const char *what, const pyce_args *args, const char *message) {
    if (holds) return;
    fprintf(stderr, "FINDING: %s (%s)\n", what, message);
    describe(args);
    abort();
}

static verdict expected(const call *c, int64_t *bad_label) {
    const int64_t size = c->args.struct_size;
    *bad_label = -1;
    if (c->args_bytes == 0 || size < FIRST_ARGS_BYTES || size > MOST_ARGS_BYTES || c->strange) return REFUSES;
    return judge(&c->args, bad_label);
}

static void check_error(const pyce_args *args, pyce_status status, const pyce_error *e, int64_t bad_label) {
    const char *end = memchr(e->message, '\0', sizeof e->message);
    const size_t length = end ? (size_t)(end - e->message) : sizeof e->message;
    size_t i;
    require(e->status == status, "the error has another status", args, e->message);
    require(length < sizeof e->message && (length > 0) == (status != PYCE_OK), "the message's length", args, "");
    for (i = 0; i < length; i++) {
        require(e->message[i] >= ' ' && e->message[i] <= '~', "the message has strange characters", args, e->message);
    }
    require(e->argument == PYCE_ARG_NONE || pyce_argument_name(e->argument), "no such argument", args, e->message);
    require(status == PYCE_OK || status == PYCE_ERROR_OUTPUT || e->argument != PYCE_ARG_NONE, "no argument", args,
            e->message);
    require(e->index == -1 || (status == PYCE_ERROR_LABEL && e->index == bad_label), "the index", args, e->message);
    require(status != PYCE_ERROR_LABEL || e->index == bad_label, "the index of a wrong label", args, e->message);
}

/* Whether every byte is what it was, but those of the outputs if the call was taken. */
static void check_memory(const pyce_args *args, pyce_status status, const char *message) {
    int i;
    for (i = OUTPUTS; i < ARRAYS && status == PYCE_OK; i++) {
        const pyce_array a = array_of(args, i);
        const size_t size = (size_t)size_of(a.dtype);
        walk w;
        region *r;
        if (!a.data) continue;
        w = walk_of(args, i);
        r = arena_find((uintptr_t)a.data, (uintptr_t)a.data);
        if (w.empty) continue;
        do {
            const uint8_t *at = (const uint8_t *)a.data + w.offset * (int64_t)size;
            memcpy(r->snapshot + (at - r->start), at, size);
        } while (walk_on(&w));
    }
    require(arena_changed() == NULL, "bytes that are no output's were written", args, message);
    require(!arena_spilled(), "bytes outside the arrays were written", args, message);
}

static pyce_status run(const call *c, region *args, region *error, int64_t bad_label, verdict now) {
    pyce_error e;
    pyce_status status;
    e.message[0] = '\0';
    status = pyce_compute(args ? (const pyce_args *)(const void *)args->start : NULL,
                          error ? (pyce_error *)(void *)error->start : NULL);
    if (error && c->error_size >= FIRST_ERROR_BYTES) {
        memcpy(&e, error->start, FIRST_ERROR_BYTES);
        require(e.struct_size == c->error_size, "the error's struct_size has changed", &c->args, "");
        check_error(&c->args, status, &e, bad_label);
        memcpy(error->snapshot, error->start, FIRST_ERROR_BYTES);
    }
    require(status >= 0 && status <= HIGHEST_STATUS && pyce_status_name(status), "no such status", &c->args, e.message);
    require(now != TAKES || status == PYCE_OK, "a right call is refused", &c->args, e.message);
    require(now != REFUSES || status != PYCE_OK, "a wrong call is taken", &c->args, e.message);
    require(now != REFUSES_LABEL || status == PYCE_ERROR_LABEL, "a wrong label is taken", &c->args, e.message);
    check_memory(&c->args, status, e.message);
    done.status[status]++;
    return status;
}

/* A struct at a place that it can have, as near to the guard page as can be. */
static region *place_struct(int64_t size, const void *content, int64_t known) {
    region *r;
    if (size == 0) return NULL;
    r = arena_take((size_t)size, size % 8 == 0);
    memset(r->start, 0, (size_t)size);
    memcpy(r->start, content, (size_t)(size < known ? size : known));
    return r;
}

/* The bytes of an element, as a number: the last first. */
static void print_element(const char *what, const pyce_array *a, int64_t offset) {
    int64_t i;
    fprintf(stderr, "%s: 0x", what);
    for (i = size_of(a->dtype) - 1; i >= 0; i--) {
        fprintf(stderr, "%02x", ((const uint8_t *)a->data)[offset * size_of(a->dtype) + i]);
    }
    fprintf(stderr, "\n");
}

static void check_repeat(const call *c, const repeat *r) {
    pyce_error error = pyce_error_init();
    int64_t index = 0;
    int which;
    char what[80];
    pyce_array second;
    require(pyce_compute(&r->args, &error) == PYCE_OK, "the repeat is refused", &c->args, error.message);
    check_memory(&r->args, PYCE_OK, "the repeat");
    which = compare_repeat(c, r, &index);
    if (which < 0) return;
    snprintf(what, sizeof what, "%s differs at %lld", pyce_argument_name(argument_of(which)), (long long)index);
    describe(&r->args);
    second = array_of(&r->args, which);
    print_element("there", &second, index);
    require(0, what, &c->args, "the repeat is the one above");
}

/* An empty batch may have any number of classes. */
static int can_be_copied(const pyce_args *args) {
    int32_t i;
    for (i = 0; i < args->ndim; i++) {
        if (args->shape[i] > SLAB_BYTES / 8) return 0;
    }
    return 1;
}

void check_call(const call *c) {
    int64_t bad_label;
    const verdict now = expected(c, &bad_label);
    const int repeats = c->again >= REPEATED_FROM && (now == TAKES || now == MAY_REFUSE) && can_be_copied(&c->args);
    region *args, *error;
    repeat r;
    pyce_status status;
    done.inputs++;
    if (now == NOT_TO_BE_RUN) {
        done.not_run++;
        return;
    }
    args = place_struct(c->args_bytes, &c->args, (int64_t)sizeof c->args);
    if (args && c->strange) args->start[c->strange] = 1;
    error = place_struct(c->error_bytes, &c->error_size, (int64_t)sizeof c->error_size);
    if (repeats) prepare_repeat(c, &r);
    arena_remember();
    status = run(c, args, error, bad_label, now);
    if (!repeats || status != PYCE_OK) return;
    check_repeat(c, &r);
    done.repeated++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const size_t head = size > 0 && data[0] >= SPOILED_FROM ? (size < SPOIL_BYTES ? size : SPOIL_BYTES) : size > 0;
    bytes from = {data + head, data + size, 0}, spoils = {data, data + head, 0};
    const uint32_t first = draw(&spoils);
    call c;
    arena_clear();
    decode_call(&from, &c);
    spoils.state = from.state;
    if (first >= SPOILED_FROM) spoil_call(&spoils, &c, 0);
    if (first >= SPOILED_TWICE_FROM) spoil_call(&spoils, &c, 1);
    check_call(&c);
    return 0;
}
