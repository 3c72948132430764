/* Statuses: every one that the library can name is reached here, with the argument it is about, an explanation, and
 * no output touched. */
#include "problem.h"

enum { HIGHEST_STATUS = 99, CLASSES = 4 };

static int reached[HIGHEST_STATUS + 1];

/* A good call for each loss, with every output. Each case below spoils one thing about it. */
static struct call {
    problem p;
    results r;
    pyce_args args;
    struct {
        pyce_args args;
        int64_t beyond;
    } larger; /* what a caller with a newer header passes */
    uint32_t correct[3];
    float extra[3 * CLASSES];
} call;

static void call_open(pyce_loss kind) {
    call.p = problem_new(kind, PYCE_FLOAT32, 3, CLASSES, DATA_PLAIN);
    call.r = results_new(&call.p);
    call.args = problem_args(&call.p, &call.r);
}

static void call_close(void) {
    results_free(&call.r);
    problem_free(&call.p);
}

static int outputs_untouched(void) {
    for (int k = 0; k < OUTPUTS; ++k) {
        const unsigned char *bytes = (const unsigned char *)call.r.data[k];
        for (size_t i = 0; i < (size_t)call.r.count[k] * size_of(call.p.dtype); ++i) {
            if (bytes[i] != 0x5a) {
                return 0;
            }
        }
    }
    return 1;
}

static int64_t labels_with_one_bad[3] = {1, 3, 0};
static const float weight = 1;

static void no_logits(pyce_args *a) { a->logits.data = NULL; }
static void no_labels(pyce_args *a) { a->labels.data = NULL; }
static void no_pos_weight(pyce_args *a) { a->pos_weight.data = NULL; }
static void struct_size_zero(pyce_args *a) { a->struct_size = 0; }
static void struct_size_odd(pyce_args *a) { a->struct_size = (int64_t)sizeof *a - 1; }
static void struct_size_huge(pyce_args *a) { a->struct_size = (int64_t)1 << 40; }
static void reserved_of_logits(pyce_args *a) { a->logits.reserved = 1; }
static void reserved_of_grad(pyce_args *a) { a->grad.reserved = -1; }
static void loss_zero(pyce_args *a) { a->loss_kind = 0; }
static void loss_unknown(pyce_args *a) { a->loss_kind = 77; }
static void logits_of_integers(pyce_args *a) { a->logits.dtype = PYCE_INT32; }
static void logits_of_bools(pyce_args *a) { a->logits.dtype = PYCE_BOOL; }
static void labels_of_no_dtype(pyce_args *a) { a->labels.dtype = 0; }
static void index_labels_of_no_dtype(pyce_args *a) { a->labels.dtype = 99; }
static void index_labels_of_floats(pyce_args *a) { a->labels.dtype = PYCE_FLOAT32; }
static void dense_labels_of_integers(pyce_args *a) { a->labels.dtype = PYCE_INT64; }
static void loss_of_integers(pyce_args *a) { a->loss.dtype = PYCE_INT32; }
static void pos_weight_of_integers(pyce_args *a) { a->pos_weight.dtype = PYCE_INT32; }
static void no_output(pyce_args *a) {
    for (int k = 0; k < OUTPUTS; ++k) {
        output_of(a, k)->data = NULL;
    }
}
static void lse_of_a_binary_loss(pyce_args *a) {
    a->lse = pyce_output_2d(call.r.data[OUTPUT_HESS], PYCE_FLOAT32, 1, 0);
}
static void pos_weight_given(pyce_args *a) { a->pos_weight = pyce_input_2d(&weight, PYCE_FLOAT32, 0, 0); }
static const uint8_t mask[3] = {1, 0, 1};
static void weights_of_integers(pyce_args *a) {
    a->sample_weight = pyce_input_2d(labels_with_one_bad, PYCE_INT64, 1, 0);
}
static void mask_of_bytes(pyce_args *a) { a->where = pyce_input_2d(mask, PYCE_UINT8, 1, 0); }
static void class_weights_of_bools(pyce_args *a) { a->class_weight = pyce_input_2d(mask, PYCE_BOOL, 0, 1); }
static void class_weights_given(pyce_args *a) { a->class_weight = pyce_input_2d(&weight, PYCE_FLOAT32, 0, 0); }
static void correct_of_floats(pyce_args *a) { a->correct = pyce_output_2d(call.correct, PYCE_FLOAT32, 1, 0); }
static void correct_given(pyce_args *a) { a->correct = pyce_output_2d(call.correct, PYCE_BOOL, 1, 0); }
static void correct_on_mask(pyce_args *a) {
    correct_given(a);
    a->where = pyce_input_2d(call.correct, PYCE_BOOL, 1, 0);
}
static void labels_grad_given(pyce_args *a) { a->labels_grad = pyce_output_2d(call.extra, PYCE_FLOAT32, CLASSES, 1); }
static void hvp_without_vector(pyce_args *a) { a->hvp = pyce_output_2d(call.extra, PYCE_FLOAT32, CLASSES, 1); }
static void vector_without_hvp(pyce_args *a) { a->vector = a->logits; }
static void weights_on_loss(pyce_args *a) { a->sample_weight = pyce_input_2d(a->loss.data, PYCE_FLOAT32, 1, 0); }
static void ignore_index_given(pyce_args *a) { a->has_ignore_index = 1; }
static void reduction_unknown(pyce_args *a) { a->reduction = 3; }
static void reduction_negative(pyce_args *a) { a->reduction = -1; }
static void denominator_unknown(pyce_args *a) { a->reduction = PYCE_REDUCTION_MEAN, a->denominator = 4; }
static void denominator_negative(pyce_args *a) { a->reduction = PYCE_REDUCTION_MEAN, a->denominator = -1; }
static void denominator_of_a_sum(pyce_args *a) {
    a->reduction = PYCE_REDUCTION_SUM;
    a->denominator = PYCE_DENOMINATOR_ROWS;
}
static void denominator_zero(pyce_args *a) {
    a->reduction = PYCE_REDUCTION_MEAN;
    a->denominator = PYCE_DENOMINATOR_VALUE;
}
static void denominator_infinite(pyce_args *a) {
    denominator_zero(a);
    a->denominator_value = (double)INFINITY;
}
static void denominator_not_called_for(pyce_args *a) { a->denominator_value = 1; }
static void smoothing_negative(pyce_args *a) { a->label_smoothing = -1e-9; }
static void smoothing_above_one(pyce_args *a) { a->label_smoothing = 1.0000001; }
static void smoothing_nan(pyce_args *a) { a->label_smoothing = (double)NAN; }
static void threads_negative(pyce_args *a) { a->num_threads = -1; }
static void isa_unknown(pyce_args *a) { a->isa = 99; }
static void isa_negative(pyce_args *a) { a->isa = -1; }
static void ndim_negative(pyce_args *a) { a->ndim = -1; }
static void ndim_nine(pyce_args *a) { a->ndim = PYCE_MAX_NDIM + 1; }
static void ndim_zero(pyce_args *a) { a->ndim = 0; }
static void extent_negative(pyce_args *a) { a->shape[0] = -3; }
static void extents_overflow(pyce_args *a) {
    a->shape[0] = INT64_MAX / 2;
    a->shape[1] = 5;
}
/* The bytes of two steps fit 64 bits, on a 32-bit machine not its addresses. */
static void stride_beyond_addresses(pyce_args *a) { a->logits.stride[0] = (int64_t)(UINTPTR_MAX / 8 + 1); }
static void elements_overflow(pyce_args *a) { a->shape[0] = a->shape[1] = (int64_t)1 << 40; }

/* As far as arrays may reach, in elements */
static const int64_t farthest = INT64_MAX / 16;
static void stride_too_large(pyce_args *a) { a->logits.stride[0] = farthest + 1; }
static void stride_too_negative(pyce_args *a) { a->logits.stride[0] = -farthest - 1; }
static void steps_reach_too_far(pyce_args *a) { a->logits.stride[0] = farthest; }
static void axes_reach_too_far(pyce_args *a) {
    a->logits.stride[0] = farthest / 2;
    a->logits.stride[1] = farthest / 4;
}
static void axes_reach_too_far_back(pyce_args *a) {
    a->logits.stride[0] = -farthest / 2;
    a->logits.stride[1] = -farthest / 4;
}
static void begins_before_address_zero(pyce_args *a) { a->logits.stride[0] = -farthest / 2; }
static void stride_large_but_good_beside_bad_labels(pyce_args *a) {
    a->shape[0] = 2;
    a->logits.stride[0] = (int64_t)1 << 29;
    a->logits.dtype = PYCE_FLOAT16;
    a->labels.dtype = 0;
}
static void axis_negative(pyce_args *a) { a->axis = -1; }
static void axis_too_large(pyce_args *a) { a->axis = 2; }
static void no_classes(pyce_args *a) { a->shape[1] = 0; }
static void grad_broadcast(pyce_args *a) { a->grad.stride[0] = 0; }
static void loss_broadcast(pyce_args *a) { a->loss.stride[0] = 0; }
static void hess_overlaps_itself(pyce_args *a) { a->hess.stride[0] = 1; }
static void grad_beside_logits(pyce_args *a) {
    a->grad = pyce_output_2d((float *)call.p.logits + 1, PYCE_FLOAT32, CLASSES, 1);
}
static void grad_on_broadcast_logits(pyce_args *a) {
    a->grad.data = call.p.logits;
    a->logits.stride[0] = 0;
}
static void grad_on_labels(pyce_args *a) { a->grad.data = call.p.dense; }
static void hess_on_logits(pyce_args *a) { a->hess.data = call.p.logits; }
static void hess_on_grad(pyce_args *a) { a->hess.data = call.r.data[OUTPUT_GRAD]; }
static void grad_misaligned(pyce_args *a) { a->grad.data = (char *)a->grad.data + 1; }
static void logits_misaligned(pyce_args *a) { a->logits.data = (const char *)a->logits.data + 2; }
static void label_negative(pyce_args *a) {
    labels_with_one_bad[1] = -1;
    a->labels.data = labels_with_one_bad;
}
static void label_too_large(pyce_args *a) {
    labels_with_one_bad[1] = CLASSES;
    a->labels.data = labels_with_one_bad;
}
static void label_of_16_bits_too_large(pyce_args *a) {
    static const uint16_t labels[3] = {0, CLASSES - 1, CLASSES};
    a->labels = pyce_input_2d(labels, PYCE_UINT16, 1, 0);
}
static void label_that_wraps_to_ignore_index(pyce_args *a) {
    static const uint64_t huge[3] = {0, 1, UINT64_MAX};
    a->labels = pyce_input_2d(huge, PYCE_UINT64, 1, 0);
    a->has_ignore_index = 1;
    a->ignore_index = -1;
}

static const struct {
    const char *name;
    void (*spoil)(pyce_args *);
    pyce_loss kind;
    pyce_status status;
    pyce_argument argument;
} cases[] = {
#define CASE(spoil, kind, status, argument) {#spoil, spoil, PYCE_##kind, PYCE_ERROR_##status, PYCE_ARG_##argument}
    CASE(no_logits, SIGMOID, NULL, LOGITS),
    CASE(no_labels, SPARSE_SOFTMAX, NULL, LABELS),
    CASE(no_labels, SIGMOID, NULL, LABELS),
    CASE(no_pos_weight, WEIGHTED, NULL, POS_WEIGHT),
    CASE(struct_size_zero, SOFTMAX, STRUCT_SIZE, ARGS),
    CASE(struct_size_odd, SOFTMAX, STRUCT_SIZE, ARGS),
    CASE(struct_size_huge, SIGMOID, STRUCT_SIZE, ARGS),
    CASE(reserved_of_logits, SIGMOID, RESERVED, LOGITS),
    CASE(reserved_of_grad, SIGMOID, RESERVED, GRAD),
    CASE(loss_zero, SIGMOID, LOSS, LOSS_KIND),
    CASE(loss_unknown, SOFTMAX, LOSS, LOSS_KIND),
    CASE(logits_of_integers, SOFTMAX, DTYPE, LOGITS),
    CASE(logits_of_bools, SPARSE_SOFTMAX, DTYPE, LOGITS),
    CASE(labels_of_no_dtype, SIGMOID, DTYPE, LABELS),
    CASE(index_labels_of_no_dtype, SPARSE_SOFTMAX, DTYPE, LABELS),
    CASE(index_labels_of_floats, SPARSE_SOFTMAX, DTYPE, LABELS),
    CASE(dense_labels_of_integers, SOFTMAX, DTYPE, LABELS),
    CASE(loss_of_integers, WEIGHTED, DTYPE, LOSS),
    CASE(pos_weight_of_integers, WEIGHTED, DTYPE, POS_WEIGHT),
    CASE(no_output, SOFTMAX, OUTPUT, NONE),
    CASE(lse_of_a_binary_loss, SIGMOID, OUTPUT, LSE),
    CASE(pos_weight_given, SIGMOID, ARGUMENT, POS_WEIGHT),
    CASE(pos_weight_given, SPARSE_SOFTMAX, ARGUMENT, POS_WEIGHT),
    CASE(weights_of_integers, SIGMOID, DTYPE, SAMPLE_WEIGHT),
    CASE(mask_of_bytes, SOFTMAX, DTYPE, WHERE),
    CASE(class_weights_of_bools, SPARSE_SOFTMAX, DTYPE, CLASS_WEIGHT),
    CASE(class_weights_given, WEIGHTED, ARGUMENT, CLASS_WEIGHT),
    CASE(correct_of_floats, SOFTMAX, DTYPE, CORRECT),
    CASE(correct_given, SIGMOID, OUTPUT, CORRECT),
    CASE(correct_on_mask, SOFTMAX, OVERLAP, CORRECT),
    CASE(labels_grad_given, SPARSE_SOFTMAX, OUTPUT, LABELS_GRAD),
    CASE(hvp_without_vector, SOFTMAX, NULL, VECTOR),
    CASE(vector_without_hvp, SIGMOID, ARGUMENT, VECTOR),
    CASE(weights_on_loss, SPARSE_SOFTMAX, OVERLAP, LOSS),
    CASE(ignore_index_given, SOFTMAX, ARGUMENT, IGNORE_INDEX),
    CASE(ignore_index_given, SIGMOID, ARGUMENT, IGNORE_INDEX),
    CASE(reduction_unknown, SIGMOID, OPTION, REDUCTION),
    CASE(reduction_negative, SOFTMAX, OPTION, REDUCTION),
    CASE(denominator_unknown, SIGMOID, OPTION, DENOMINATOR),
    CASE(denominator_negative, SIGMOID, OPTION, DENOMINATOR),
    CASE(denominator_of_a_sum, SPARSE_SOFTMAX, OPTION, DENOMINATOR),
    CASE(denominator_zero, SOFTMAX, VALUE, DENOMINATOR),
    CASE(denominator_infinite, SOFTMAX, VALUE, DENOMINATOR),
    CASE(denominator_not_called_for, SIGMOID, VALUE, DENOMINATOR),
    CASE(smoothing_negative, SPARSE_SOFTMAX, VALUE, LABEL_SMOOTHING),
    CASE(smoothing_above_one, SIGMOID, VALUE, LABEL_SMOOTHING),
    CASE(smoothing_nan, SOFTMAX, VALUE, LABEL_SMOOTHING),
    CASE(threads_negative, SIGMOID, THREADS, NUM_THREADS),
    CASE(isa_unknown, SIGMOID, ISA, ISA),
    CASE(isa_negative, SOFTMAX, ISA, ISA),
    CASE(ndim_negative, SIGMOID, NDIM, NDIM),
    CASE(ndim_nine, SOFTMAX, NDIM, NDIM),
    CASE(ndim_zero, SOFTMAX, NDIM, NDIM),
    CASE(extent_negative, SIGMOID, SHAPE, SHAPE),
    CASE(extents_overflow, SOFTMAX, SHAPE, SHAPE),
    CASE(stride_beyond_addresses, SOFTMAX, SHAPE, LOGITS),
    CASE(elements_overflow, SOFTMAX, SHAPE, SHAPE),
    CASE(stride_too_large, SIGMOID, SHAPE, LOGITS),
    CASE(stride_too_negative, SOFTMAX, SHAPE, LOGITS),
    CASE(steps_reach_too_far, SIGMOID, SHAPE, LOGITS),
    CASE(axes_reach_too_far, SOFTMAX, SHAPE, LOGITS),
    CASE(axes_reach_too_far_back, SOFTMAX, SHAPE, LOGITS),
    CASE(begins_before_address_zero, SPARSE_SOFTMAX, SHAPE, LOGITS),
    CASE(stride_large_but_good_beside_bad_labels, SOFTMAX, DTYPE, LABELS),
    CASE(axis_negative, SOFTMAX, AXIS, AXIS),
    CASE(axis_too_large, SPARSE_SOFTMAX, AXIS, AXIS),
    CASE(no_classes, SOFTMAX, CLASSES, SHAPE),
    CASE(grad_broadcast, SIGMOID, STRIDE, GRAD),
    CASE(loss_broadcast, SPARSE_SOFTMAX, STRIDE, LOSS),
    CASE(hess_overlaps_itself, SOFTMAX, STRIDE, HESS),
    CASE(grad_beside_logits, SIGMOID, OVERLAP, GRAD),
    CASE(grad_on_broadcast_logits, SOFTMAX, OVERLAP, GRAD),
    CASE(grad_on_labels, SOFTMAX, OVERLAP, GRAD),
    CASE(hess_on_logits, SOFTMAX, OVERLAP, HESS),
    CASE(hess_on_grad, SIGMOID, OVERLAP, HESS),
    CASE(grad_misaligned, SOFTMAX, ALIGNMENT, GRAD),
    CASE(logits_misaligned, WEIGHTED, ALIGNMENT, LOGITS),
    CASE(label_negative, SPARSE_SOFTMAX, LABEL, LABELS),
    CASE(label_too_large, SPARSE_SOFTMAX, LABEL, LABELS),
    CASE(label_of_16_bits_too_large, SPARSE_SOFTMAX, LABEL, LABELS),
    CASE(label_that_wraps_to_ignore_index, SPARSE_SOFTMAX, LABEL, LABELS),
#undef CASE
};

static void test_bad_calls_are_refused(void) {
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
        call_open(cases[k].kind);
        cases[k].spoil(&call.args);
        pyce_error error = pyce_error_init();
        memset(error.message, 'x', sizeof error.message);
        const pyce_status status = pyce_compute(&call.args, &error);
        CHECK_SAYING(status == cases[k].status && error.status == status, "%s: status %d, error.status %d, expected %d",
                     cases[k].name, (int)status, (int)error.status, (int)cases[k].status);
        CHECK_SAYING(error.argument == cases[k].argument, "%s: argument %d, expected %d: %.256s", cases[k].name,
                     (int)error.argument, (int)cases[k].argument, error.message);
        CHECK_SAYING(memchr(error.message, '\0', sizeof error.message) != NULL && strlen(error.message) > 10 &&
                         strchr(error.message, '\n') == NULL,
                     "%s: message \"%.256s\"", cases[k].name, error.message);
        CHECK_SAYING(outputs_untouched(), "%s: an output was touched", cases[k].name);
        CHECK_SAYING(pyce_compute(&call.args, NULL) == status, "%s: another status without pyce_error", cases[k].name);
        if (status >= 0 && status <= HIGHEST_STATUS) {
            reached[status] = 1;
        }
        call_close();
    }
}

static void test_bad_label_is_reported_with_index_and_value(void) {
    call_open(PYCE_SPARSE_SOFTMAX);
    pyce_error error = pyce_error_init();
    label_negative(&call.args);
    CHECK(pyce_compute(&call.args, &error) == PYCE_ERROR_LABEL);
    CHECK(error.index == 1 && error.value == -1);
    CHECK_SAYING(strstr(error.message, "index 1") != NULL && strstr(error.message, "-1") != NULL &&
                     strstr(error.message, "0 to 3") != NULL,
                 "the message \"%s\" lacks index, value or range", error.message);
    label_too_large(&call.args);
    CHECK(pyce_compute(&call.args, &error) == PYCE_ERROR_LABEL);
    CHECK(error.index == 1 && error.value == CLASSES);
    const uint64_t huge[3] = {0, 1, UINT64_MAX};
    call.args.labels = pyce_input_2d(huge, PYCE_UINT64, 1, 0);
    CHECK(pyce_compute(&call.args, &error) == PYCE_ERROR_LABEL);
    CHECK(error.index == 2 && error.value == -1);
    CHECK(outputs_untouched());
    call_close();
}

static void test_null_arguments(void) {
    pyce_error error = pyce_error_init();
    CHECK(pyce_compute(NULL, &error) == PYCE_ERROR_NULL && error.argument == PYCE_ARG_ARGS);
    CHECK(pyce_compute(NULL, NULL) == PYCE_ERROR_NULL);
}

static void test_instruction_set_that_is_missing_here_is_named(void) {
    call_open(PYCE_SIGMOID);
    for (pyce_isa isa = 1; pyce_isa_name(isa) != NULL; ++isa) {
        pyce_error error = pyce_error_init();
        call.args.isa = isa;
        if (pyce_isa_available(isa)) {
            continue;
        }
        CHECK(pyce_compute(&call.args, &error) == PYCE_ERROR_ISA);
        CHECK_SAYING(strstr(error.message, pyce_isa_name(isa)) != NULL, "\"%s\" lacks the name %s", error.message,
                     pyce_isa_name(isa));
    }
    CHECK(outputs_untouched());
    call_close();
}

static void test_error_of_unknown_size_is_left_alone(void) {
    pyce_error error, before;
    memset(&error, 0x5a, sizeof error);
    error.struct_size = 8;
    before = error;
    CHECK(pyce_compute(NULL, &error) == PYCE_ERROR_NULL);
    CHECK(memcmp(&error, &before, sizeof error) == 0);
}

/* A caller with a newer header passes a larger struct: good while the fields unknown here are zero. */
static void test_larger_struct_is_accepted_while_its_rest_is_zero(void) {
    call_open(PYCE_SIGMOID);
    call.larger.args = call.args;
    call.larger.args.struct_size = (int64_t)sizeof call.larger;
    call.larger.beyond = 1;
    CHECK(pyce_compute(&call.larger.args, NULL) == PYCE_ERROR_STRUCT_SIZE);
    CHECK(outputs_untouched());
    call.larger.beyond = 0;
    CHECK(pyce_compute(&call.larger.args, NULL) == PYCE_OK);
    call_close();
}

/* What programs of the first version pass, and what no version's do. Numbers, not sizeof: they are a promise. */
static void test_struct_sizes_from_the_first_version_on_are_accepted(void) {
    const int64_t bad[] = {INT64_MIN, -1408, -1, 0, 8, 1400, 1407, 4097, 1 << 16, INT64_MAX};
    call_open(PYCE_SIGMOID);
    for (size_t k = 0; k < sizeof bad / sizeof *bad; ++k) {
        call.args.struct_size = bad[k];
        CHECK_SAYING(pyce_compute(&call.args, NULL) == PYCE_ERROR_STRUCT_SIZE, "struct_size %lld", (long long)bad[k]);
    }
    CHECK(outputs_untouched());
    call.args.struct_size = 1408;
    CHECK(pyce_compute(&call.args, NULL) == PYCE_OK);
    call_close();
}

static void test_error_is_written_as_far_as_its_size_says(void) {
    const int64_t sizes[] = {INT64_MIN, -1, 0, 287, 288, (int64_t)sizeof(pyce_error), 100000, INT64_MAX};
    struct {
        pyce_error error;
        unsigned char beyond[64];
    } given, before;
    call_open(PYCE_SPARSE_SOFTMAX);
    label_negative(&call.args);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; ++k) {
        memset(&given, 0x5a, sizeof given);
        given.error.struct_size = sizes[k];
        before = given;
        CHECK(pyce_compute(&call.args, &given.error) == PYCE_ERROR_LABEL);
        CHECK_SAYING(memcmp(given.beyond, before.beyond, sizeof given.beyond) == 0, "size %lld: written behind it",
                     (long long)sizes[k]);
        CHECK(given.error.struct_size == sizes[k]);
        if (sizes[k] < 288) {
            CHECK_SAYING(memcmp(&given, &before, sizeof given) == 0, "size %lld: written", (long long)sizes[k]);
        } else {
            CHECK_SAYING(given.error.status == PYCE_ERROR_LABEL && given.error.index == 1 && given.error.value == -1 &&
                             strstr(given.error.message, "index 1") != NULL,
                         "size %lld: not written", (long long)sizes[k]);
        }
    }
    call_close();
}

static void test_good_call_clears_the_error(void) {
    call_open(PYCE_SPARSE_SOFTMAX);
    pyce_error error = pyce_error_init();
    label_negative(&call.args);
    (void)pyce_compute(&call.args, &error);
    call.args.labels.data = call.p.index;
    CHECK(pyce_compute(&call.args, &error) == PYCE_OK);
    CHECK(error.status == PYCE_OK && error.argument == PYCE_ARG_NONE && error.index == -1 && error.value == 0);
    CHECK(error.message[0] == '\0');
    reached[PYCE_OK] = 1;
    call_close();
}

static void test_calls_without_work_are_good(void) {
    for (pyce_loss kind = 1; pyce_loss_name(kind) != NULL; ++kind) {
        call_open(kind);
        call.args.shape[0] = 0;
        CHECK(pyce_compute(&call.args, NULL) == PYCE_OK);
        call.args.shape[1] = 0; /* no classes, and no row that would need them */
        CHECK(pyce_compute(&call.args, NULL) == PYCE_OK);
        call.args.axis = 0; /* the same with the class axis first, from arrays without memory */
        call.args.logits.data = NULL;
        call.args.grad.data = (char *)call.args.grad.data + 1;
        CHECK(pyce_compute(&call.args, NULL) == PYCE_OK);
        CHECK(outputs_untouched());
        call_close();
    }
    const double logit = 0, label = 1;
    double loss = 0;
    pyce_args scalar = pyce_args_elements(PYCE_SIGMOID, PYCE_FLOAT64, &logit, &label, 1, &loss, NULL);
    scalar.ndim = 0;
    CHECK(pyce_compute(&scalar, NULL) == PYCE_OK);
    CHECK_ULPS(PYCE_FLOAT64, loss, 0.693147180559945309, 0.693147180559945309, 2);
}

static void test_every_status_was_reached(void) {
    for (pyce_status status = 0; status <= HIGHEST_STATUS; ++status) {
        const char *name = pyce_status_name(status);
        CHECK_SAYING((name != NULL) == reached[status], "status %d (%s) was %sreached", (int)status,
                     name == NULL ? "no name" : name, reached[status] ? "" : "not ");
    }
}

int main(void) {
    test_bad_calls_are_refused();
    test_bad_label_is_reported_with_index_and_value();
    test_null_arguments();
    test_instruction_set_that_is_missing_here_is_named();
    test_error_of_unknown_size_is_left_alone();
    test_larger_struct_is_accepted_while_its_rest_is_zero();
    test_struct_sizes_from_the_first_version_on_are_accepted();
    test_error_is_written_as_far_as_its_size_says();
    test_good_call_clears_the_error();
    test_calls_without_work_are_good();
    test_every_status_was_reached();
    return check_finish();
}
