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

static pyce_status check_and_compute(const pyce_args *args, pyce_error *error) {
    const pyce_status status = pyce_validate(args, error);
    call now;
    if (status != PYCE_OK) return status;
    now.args = args;
    now.elements = pyce_count_elements(args, 0);
    if (now.elements == 0 && args->reduction == PYCE_REDUCTION_NONE) return PYCE_OK;
    pyce_in_default_environment(compute, &now);
    return PYCE_OK;
}

/* Of a program whose pyce_args is shorter than ours, every field that it does not have is 0. */
static pyce_status complete_args(const pyce_args *args, pyce_error *error) {
    pyce_args whole = pyce_args_init();
    memcpy(&whole, args, (size_t)args->struct_size);
    whole.struct_size = (int64_t)sizeof whole;
    return check_and_compute(&whole, error);
}

static pyce_status take_call(const pyce_args *args, pyce_error *error) {
    pyce_status status;
    clear_error(error);
    status = pyce_check_size(args, error);
    if (status != PYCE_OK) return status;
    return args->struct_size < (int64_t)sizeof *args ? complete_args(args, error) : check_and_compute(args, error);
}

pyce_status pyce_compute(const pyce_args *args, pyce_error *error) {
    const int64_t size = error ? error->struct_size : 0;
    pyce_error whole;
    pyce_status status;
    if (size >= (int64_t)sizeof whole) return take_call(args, error);
    if (size < FIRST_ERROR_SIZE) return take_call(args, &whole); /* nobody reads it */
    whole = pyce_error_init();
    status = take_call(args, &whole);
    whole.struct_size = size;
    memcpy(error, &whole, (size_t)size); /* what the program has room for */
    return status;
}
