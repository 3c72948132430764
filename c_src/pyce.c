/* pyce.c: the call: check, bring to one form, compute. */
#include "problem.h"

/* A call that is valid. */
typedef struct call {
    const pyce_args *args;
    int64_t elements;
} call;

static void clear_error(pyce_error *error) {
    error->index = -1;
    error->value = 0;
    error->status = PYCE_OK;
    error->argument = PYCE_ARG_NONE;
    error->message[0] = '\0';
}

/* In the default floating-point environment: options are divided and rounded here too. */
static void compute(void *context, int64_t i) {
    const call *now = (const call *)context;
    const pyce_args *args = now->args;
    problem p;
    partial_sums parts, *wanted;
    (void)i;
    pyce_make_problem(&p, args);
    pyce_find_denominator(&p);
    parts.count = 0;
    wanted = p.sums_loss ? &parts : NULL;
    if (now->elements == 0) {
        /* nothing to compute but the total of nothing */
    } else if (is_rows(args)) {
        pyce_run_rows(&p, wanted);
    } else {
        pyce_run_elements(&p, wanted);
    }
    if (wanted) pyce_store_total(&p, wanted);
}

/* A program whose pyce_error is shorter than ours gets what it has room for. */
static pyce_status compute_for_short_error(const pyce_args *args, pyce_error *error) {
    const int64_t size = error->struct_size;
    pyce_error whole;
    pyce_status status;
    memcpy(&whole, error, (size_t)size);
    whole.struct_size = (int64_t)sizeof whole;
    status = pyce_compute(args, &whole);
    whole.struct_size = size;
    memcpy(error, &whole, (size_t)size);
    return status;
}

/* Of a program whose pyce_args is shorter than ours, every field that it does not have is 0. */
static pyce_status compute_short_args(const pyce_args *args, pyce_error *error) {
    pyce_args whole = pyce_args_init();
    memcpy(&whole, args, (size_t)args->struct_size);
    whole.struct_size = (int64_t)sizeof whole;
    return pyce_compute(&whole, error);
}

pyce_status pyce_compute(const pyce_args *args, pyce_error *error) {
    pyce_error unwanted;
    pyce_status status;
    call now;
    if (!error || error->struct_size < (int64_t)sizeof *error) {
        if (error && error->struct_size >= FIRST_ERROR_SIZE) return compute_for_short_error(args, error);
        error = &unwanted;
        error->struct_size = (int64_t)sizeof unwanted;
    }
    clear_error(error);
    status = pyce_check_size(args, error);
    if (status == PYCE_OK && args->struct_size < (int64_t)sizeof *args) return compute_short_args(args, error);
    if (status == PYCE_OK) status = pyce_validate(args, error);
    if (status != PYCE_OK) return status;
    now.args = args;
    now.elements = pyce_count_elements(args, 0);
    if (now.elements == 0 && args->reduction == PYCE_REDUCTION_NONE) return PYCE_OK;
    pyce_in_default_environment(compute, &now);
    return PYCE_OK;
}
