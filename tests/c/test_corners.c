/* Corners: sizes, types and options whose combination takes a way of its own through the library. Each is compared with
 * the same numbers had in another way, or with a closed form. */
#include "problem.h"

static void compute(const pyce_args *args) {
    pyce_error error = pyce_error_init();
    CHECK_SAYING(pyce_compute(args, &error) == PYCE_OK, "%s", error.message);
}

static const pyce_output no_output; /* all zero */

/* The same grad, hess and labels_grad, which other outputs and strides keep from being written in one go. */
static void check_alone(const problem *p, const pyce_args *together, int k, const char *setting) {
    results alone = results_new(p);
    pyce_args args = *together;
    for (int other = 0; other < OUTPUTS; ++other) {
        *output_of(&args, other) = no_output;
    }
    *output_of(&args, k) = pyce_output_2d(alone.data[k], p->dtype, p->classes, 1);
    compute(&args);
    int64_t i = 0;
    while (i < alone.count[k] && same_bits(load(p->dtype, alone.data[k], i),
                                           load(p->dtype, output_of((pyce_args *)(void *)together, k)->data, i))) {
        ++i;
    }
    CHECK_SAYING(i == alone.count[k], "%s alone, %s: element %lld differs", output_names[k], setting, (long long)i);
    results_free(&alone);
}

/* A row of several tiles, their maxima on both sides of where the exponentials get another reference (EXACT_FROM). */
static void test_gradient_alone_is_that_beside_others_in_a_row_of_unlike_parts(pyce_dtype dtype) {
    const double exact_from = dtype == PYCE_FLOAT32 ? 264.0 : 2160.0;
    problem p = problem_new(PYCE_SPARSE_SOFTMAX, dtype, 2, 5000, DATA_PLAIN);
    for (int64_t i = 0; i < 10000; ++i) {
        const double shift = i % 5000 < 2500 ? exact_from : exact_from - 6.0;
        store(dtype, p.logits, i, load(dtype, p.logits, i) + shift);
    }
    results all = problem_run(&p, PYCE_ISA_AUTO, 1);
    pyce_args args = problem_args(&p, &all);
    check_alone(&p, &args, OUTPUT_GRAD, "unlike parts");
    results_free(&all);
    problem_free(&p);
}

static void test_in_place_gradient_of_many_classes_is_the_same(pyce_dtype dtype) {
    problem p = problem_new(PYCE_SOFTMAX, dtype, 7, 300, DATA_PLAIN);
    results all = problem_run(&p, PYCE_ISA_AUTO, 1);
    pyce_args args = pyce_args_rows(PYCE_SOFTMAX, dtype, p.logits, 7, 300, NULL, p.logits);
    args.labels = pyce_input_2d(p.dense, dtype, 300, 1);
    compute(&args);
    for (int64_t i = 0; i < 2100; ++i) {
        CHECK(same_bits(load(dtype, p.logits, i), load(dtype, all.data[OUTPUT_GRAD], i)));
    }
    results_free(&all);
    problem_free(&p);
}

static void test_gradient_by_the_labels_alone_is_that_beside_others(pyce_dtype dtype, int64_t classes) {
    problem p = problem_new(PYCE_SOFTMAX, dtype, 9, classes, DATA_PLAIN);
    results all = results_new(&p), alone = results_new(&p);
    pyce_args args = problem_args(&p, &all);
    args.hess = no_output;
    args.labels_grad = pyce_output_2d(all.data[OUTPUT_HESS], dtype, classes, 1);
    compute(&args);
    args = problem_args(&p, &alone);
    args.loss = args.grad = args.hess = args.lse = args.prob = args.log_prob = no_output;
    args.labels_grad = pyce_output_2d(alone.data[OUTPUT_HESS], dtype, classes, 1);
    compute(&args);
    for (int64_t i = 0; i < 9 * classes; ++i) {
        CHECK(same_bits(load(dtype, alone.data[OUTPUT_HESS], i), load(dtype, all.data[OUTPUT_HESS], i)));
    }
    results_free(&all);
    results_free(&alone);
    problem_free(&p);
}

/* grad in C order, hess with the class axis first. */
static void test_strides_of_hess_do_not_change_it_nor_grad(pyce_dtype dtype, int64_t classes) {
    problem p = problem_new(PYCE_SOFTMAX, dtype, 9, classes, DATA_PLAIN);
    results plain = problem_run(&p, PYCE_ISA_AUTO, 1), other = results_new(&p);
    pyce_args args = problem_args(&p, &other);
    args.loss = args.lse = args.prob = args.log_prob = no_output;
    args.hess = pyce_output_2d(other.data[OUTPUT_HESS], dtype, 1, 9);
    compute(&args);
    for (int64_t row = 0; row < 9; ++row) {
        for (int64_t c = 0; c < classes; ++c) {
            const int64_t at = row * classes + c;
            CHECK(same_bits(load(dtype, other.data[OUTPUT_GRAD], at), load(dtype, plain.data[OUTPUT_GRAD], at)));
            CHECK(
                same_bits(load(dtype, other.data[OUTPUT_HESS], c * 9 + row), load(dtype, plain.data[OUTPUT_HESS], at)));
        }
    }
    results_free(&plain);
    results_free(&other);
    problem_free(&p);
}

/* Logits of float64 and results of half types: the rounding on the way must not make a number of a NaN. */
static void test_nan_stays_nan_in_half_types(void) {
    double logits[40];
    for (int i = 0; i < 40; ++i) {
        logits[i] = i % 3 == 0 ? (double)NAN : 0.1 * i;
    }
    for (pyce_dtype dtype = PYCE_FLOAT16; dtype <= PYCE_BFLOAT16; ++dtype) {
        uint16_t prob[40];
        pyce_args args = pyce_args_elements(PYCE_SIGMOID, PYCE_FLOAT64, logits, NULL, 40, NULL, NULL);
        args.prob = pyce_output_2d(prob, dtype, 1, 0);
        compute(&args);
        for (int i = 0; i < 40; ++i) {
            const int nan = (prob[i] & 0x7fff) > (dtype == PYCE_FLOAT16 ? 0x7c00 : 0x7f80);
            CHECK_SAYING(nan == (i % 3 == 0), "%s: element %d is 0x%04x", pyce_dtype_name(dtype), i, (unsigned)prob[i]);
        }
    }
}

/* 1 / D is the number next to 1. */
static void test_mean_over_nearly_one_is_the_loss(pyce_loss kind, pyce_dtype dtype) {
    problem p = problem_new(kind, dtype, 5, 200, DATA_PLAIN);
    results plain = problem_run(&p, PYCE_ISA_AUTO, 1), mean = results_new(&p);
    pyce_args args = problem_args(&p, &mean);
    args.reduction = PYCE_REDUCTION_MEAN;
    args.denominator = PYCE_DENOMINATOR_VALUE;
    args.denominator_value = 1.0 - 0x1p-53;
    args.loss = no_output;
    compute(&args);
    for (int k = OUTPUT_GRAD; k <= OUTPUT_HESS; ++k) {
        for (int64_t i = 0; i < 1000; ++i) {
            const double expected = load(dtype, plain.data[k], i);
            CHECK_ULPS(dtype, load(dtype, mean.data[k], i), expected, expected, 2);
        }
    }
    results_free(&plain);
    results_free(&mean);
    problem_free(&p);
}

static double weighted_mean(const problem *p, double weight, double *grad) {
    double loss = -1;
    pyce_args args = pyce_args_rows(p->kind, PYCE_FLOAT64, p->logits, p->rows, p->classes, NULL, grad);
    args.loss = pyce_output_2d(&loss, PYCE_FLOAT64, 0, 0);
    args.labels = pyce_input_2d(p->index, PYCE_INT64, 1, 0);
    args.sample_weight = pyce_input_2d(&weight, PYCE_FLOAT64, 0, 0);
    args.reduction = PYCE_REDUCTION_MEAN;
    compute(&args);
    return loss;
}

/* One weight for all cancels in a weighted mean, however large or small; an infinite one does not. */
static void test_weights_of_any_size_cancel_in_a_mean(void) {
    const double weights[] = {0x1p-1074, 1e-310, 1e-100, 3.0, 1e100, 1e305};
    problem p = problem_new(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT64, 6, 30, DATA_PLAIN);
    double plain[6 * 30], grad[6 * 30];
    const double loss = weighted_mean(&p, 1.0, plain);
    for (size_t w = 0; w < sizeof weights / sizeof *weights; ++w) {
        CHECK_ULPS(PYCE_FLOAT64, weighted_mean(&p, weights[w], grad), loss, loss, 2);
        for (int i = 0; i < 6 * 30; ++i) {
            CHECK_ULPS(PYCE_FLOAT64, grad[i], plain[i], plain[i], 3);
        }
    }
    CHECK(isnan(weighted_mean(&p, (double)INFINITY, grad)));
    problem_free(&p);
}

/* With smoothing and classes that are powers of two the smoothed labels are exact, and may as well be given. */
static void test_smoothed_index_labels_are_labels_for_each_class(pyce_dtype dtype, int64_t classes) {
    problem p = problem_new(PYCE_SPARSE_SOFTMAX, dtype, 3, classes, DATA_PLAIN), q = p;
    q.kind = PYCE_SOFTMAX;
    for (int64_t i = 0; i < 3 * classes; ++i) {
        store(dtype, q.dense, i, (i % classes == p.index[i / classes] ? 0.875 : 0.0) + 0.125 / (double)classes);
    }
    results smooth = results_new(&p), dense = results_new(&q);
    pyce_args args = problem_args(&p, &smooth), given = problem_args(&q, &dense);
    args.label_smoothing = 0.125;
    compute(&args);
    compute(&given);
    check_same_results(&p, &dense, &smooth, "smoothing");
    results_free(&smooth);
    results_free(&dense);
    problem_free(&p);
}

/* Equal logits, all in one element of memory: a row of so many tiles that their states are combined in batches. */
static void test_row_of_forty_million_equal_logits_has_the_loss_log_n(void) {
    const int64_t classes = 40000000, label = 7;
    const uint16_t logit = 0x3c00; /* float16: 1 */
    double loss = 0, lse = 0;
    for (int32_t threads = 1; threads <= 2; ++threads) {
        pyce_args args = pyce_args_rows(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT64, &logit, 1, classes, &loss, NULL);
        args.logits = pyce_input_2d(&logit, PYCE_FLOAT16, 0, 0);
        args.labels = pyce_input_2d(&label, PYCE_INT64, 0, 0);
        args.lse = pyce_output_2d(&lse, PYCE_FLOAT64, 0, 0);
        args.num_threads = threads;
        compute(&args);
        CHECK_ULPS(PYCE_FLOAT64, loss, 17.504390012078210, 17.504390012078210, 2); /* log 40000000 */
        CHECK_ULPS(PYCE_FLOAT64, lse, 18.504390012078210, 18.504390012078210, 2);
    }
}

/* More losses than 1024 blocks of the usual size hold: the blocks of a sum grow. */
static void test_sum_of_twenty_million_equal_losses_is_that_many_times_one(void) {
    const int64_t count = 20000000;
    const double logit = 0, label = 1;
    double loss = 0;
    pyce_args args = pyce_args_elements(PYCE_SIGMOID, PYCE_FLOAT64, &logit, &label, count, &loss, NULL);
    args.logits.stride[0] = args.labels.stride[0] = 0;
    args.reduction = PYCE_REDUCTION_SUM;
    compute(&args);
    CHECK_ULPS(PYCE_FLOAT64, loss, 13862943.6111989061, 13862943.6111989061, 2); /* count log 2 */
}

/* Rows long enough to be shared by threads, and enough of them not to be. */
static void test_many_long_rows_do_not_depend_on_threads(void) {
    problem p = problem_new(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT32, 8, 70000, DATA_PLAIN);
    results one = problem_run(&p, PYCE_ISA_AUTO, 1), two = problem_run(&p, PYCE_ISA_AUTO, 2);
    check_same_results(&p, &one, &two, "2 threads, 8 long rows");
    results_free(&one);
    results_free(&two);
    problem_free(&p);
}

int main(void) {
    for (pyce_dtype dtype = PYCE_FLOAT32; dtype <= PYCE_FLOAT64; ++dtype) {
        test_gradient_alone_is_that_beside_others_in_a_row_of_unlike_parts(dtype);
        test_in_place_gradient_of_many_classes_is_the_same(dtype);
        for (int64_t classes = 30; classes <= 300; classes += 270) {
            test_gradient_by_the_labels_alone_is_that_beside_others(dtype, classes);
            test_strides_of_hess_do_not_change_it_nor_grad(dtype, classes);
        }
        test_mean_over_nearly_one_is_the_loss(PYCE_SIGMOID, dtype);
        test_mean_over_nearly_one_is_the_loss(PYCE_WEIGHTED, dtype);
        test_mean_over_nearly_one_is_the_loss(PYCE_SPARSE_SOFTMAX, dtype);
        test_smoothed_index_labels_are_labels_for_each_class(dtype, 16);
        test_smoothed_index_labels_are_labels_for_each_class(dtype, 256);
    }
    test_nan_stays_nan_in_half_types();
    test_weights_of_any_size_cancel_in_a_mean();
    test_row_of_forty_million_equal_logits_has_the_loss_log_n();
    test_sum_of_twenty_million_equal_losses_is_that_many_times_one();
    test_many_long_rows_do_not_depend_on_threads();
    return check_finish();
}
