/* The four losses on the worked examples, every output, float32 and float64. The expected values come from mpmath at
 * 60 digits, for the inputs as float32 rounds them; the float64 runs take the same numbers. */
#include "check.h"

static const float binary_logits[6] = {0.5f, 0.7f, 0.3f, 0.8f, 0.2f, 0.9f};

static const struct {
    pyce_loss kind;
    float pos_weight;
    double expected[6][3]; /* loss, grad, hess at label 1 */
} binary_cases[] = {
    {PYCE_SIGMOID,
     1.0f,
     {{0.474076984180106681, -0.377540668798145435, 0.235003712201594489},
      {0.403186052840967903, -0.331812230474857310, 0.221712874182157484},
      {0.554355239395486613, -0.425557480274170849, 0.244458311256869538},
      {0.371100662251985556, -0.310025516322385268, 0.213909695551423694},
      {0.598138868039992607, -0.450166001949865222, 0.247516572638339163},
      {0.341153881623588769, -0.289050502274505189, 0.205500309409361460}}},
    {PYCE_WEIGHTED,
     0.2f,
     {{0.0948153982488808481, -0.0755081348847879597, 0.0470007431406845371},
      {0.0806372117697816536, -0.0663624470838489684, 0.0443425754971873521},
      {0.110871049531204679, -0.0851114973230942920, 0.0488916629799164478},
      {0.0742201335563632688, -0.0620051041884250922, 0.0427819397477853096},
      {0.119627775390591259, -0.0900332017315722762, 0.0495033152653247020},
      {0.0682307773414355502, -0.0578101013163386634, 0.0411000624943109391}}},
    {PYCE_WEIGHTED,
     -0.2f,
     {{-0.0948153982488808481, 0.0755081348847879597, -0.0470007431406845371},
      {-0.0806372117697816536, 0.0663624470838489684, -0.0443425754971873521},
      {-0.110871049531204679, 0.0851114973230942920, -0.0488916629799164478},
      {-0.0742201335563632688, 0.0620051041884250922, -0.0427819397477853096},
      {-0.119627775390591259, 0.0900332017315722762, -0.0495033152653247020},
      {-0.0682307773414355502, 0.0578101013163386634, -0.0411000624943109391}}},
};

static void test_binary_worked_examples(pyce_dtype dtype) {
    for (size_t k = 0; k < sizeof binary_cases / sizeof *binary_cases; ++k) {
        double logits[6], labels[6], loss[6], grad[6], hess[6]; /* large enough for either type */
        for (int i = 0; i < 6; ++i) {
            store(dtype, logits, i, (double)binary_logits[i]);
            store(dtype, labels, i, 1.0);
        }
        pyce_args args = pyce_args_elements(binary_cases[k].kind, dtype, logits, labels, 6, loss, grad);
        args.hess = pyce_output_2d(hess, dtype, 1, 0);
        if (binary_cases[k].kind == PYCE_WEIGHTED) {
            args.pos_weight = pyce_input_2d(&binary_cases[k].pos_weight, PYCE_FLOAT32, 0, 0);
        }
        CHECK(pyce_compute(&args, NULL) == PYCE_OK);
        for (int i = 0; i < 6; ++i) {
            const double *expected = binary_cases[k].expected[i];
            CHECK_ULPS(dtype, load(dtype, loss, i), expected[0], expected[0], 2);
            CHECK_ULPS(dtype, load(dtype, grad, i), expected[1], expected[1], 2);
            CHECK_ULPS(dtype, load(dtype, hess, i), expected[2], expected[2], 2);
        }
    }
}

static const float row_logits[2][3] = {{2.0f, 0.5f, 1.0f}, {0.1f, 1.0f, 3.0f}};
static const float soft_labels[2][3] = {{0.2f, 0.3f, 0.5f}, {0.1f, 0.6f, 0.3f}};
static const float hot_labels[2][3] = {{0, 1, 0}, {0, 0, 1}};
static const int64_t index_labels[2] = {1, 2};

static const double row_lse[2] = {2.46436878410794484, 3.17425452509309532};
static const double row_prob[2][3] = {{0.628531719211762448, 0.140244383166088485, 0.231223897622149067},
                                      {0.0462240744972136214, 0.113692877274281648, 0.840083048228504731}};
static const double row_log_prob[2][3] = {{-0.464368784107944842, -1.96436878410794484, -1.46436878410794484},
                                          {-3.07425452360297920, -2.17425452509309532, -0.174254525093095322}};

typedef struct row_expected {
    double loss[2];
    double grad[2][3];
    double hess[2][3];
} row_expected;

static const row_expected soft_expected = {{1.41436880890897238, 1.66425458344062319},
                                           {{0.428531725597382673, -0.159755626665036310, -0.268776098932346362},
                                            {-0.0537759252709215352, -0.486307142332186535, 0.540083067603108070}},
                                           {{0.233479600635585769, 0.120575897953172706, 0.177759409439392568},
                                            {0.0440874110764736532, 0.100766810685232862, 0.134343525312294654}}};

static const row_expected hot_expected = {{1.96436878410794484, 0.174254525093095322},
                                          {{0.628531719211762448, -0.859755616833911515, 0.231223897622149067},
                                           {0.0462240744972136214, 0.113692877274281648, -0.159916951771495269}},
                                          {{0.233479597156468656, 0.120575896156451841, 0.177759406790570994},
                                           {0.0440874094340896667, 0.100766806931376779, 0.134343520307608525}}};

static void test_row_worked_examples(pyce_dtype dtype, pyce_loss kind, const float labels[2][3],
                                     const row_expected *expected) {
    double logits[6], loss[2], grad[6], hess[6], lse[2], prob[6], log_prob[6];
    for (int i = 0; i < 6; ++i) {
        store(dtype, logits, i, (double)row_logits[i / 3][i % 3]);
    }
    pyce_args args = pyce_args_rows(kind, dtype, logits, 2, 3, loss, grad);
    args.labels = kind == PYCE_SOFTMAX ? pyce_input_2d(labels, PYCE_FLOAT32, 3, 1)
                                       : pyce_input_2d(index_labels, PYCE_INT64, 1, 0);
    args.hess = pyce_output_2d(hess, dtype, 3, 1);
    args.lse = pyce_output_2d(lse, dtype, 1, 0);
    args.prob = pyce_output_2d(prob, dtype, 3, 1);
    args.log_prob = pyce_output_2d(log_prob, dtype, 3, 1);
    CHECK(pyce_compute(&args, NULL) == PYCE_OK);
    for (int r = 0; r < 2; ++r) {
        CHECK_ULPS(dtype, load(dtype, loss, r), expected->loss[r], expected->loss[r], 2);
        CHECK_ULPS(dtype, load(dtype, lse, r), row_lse[r], row_lse[r], 2);
        for (int c = 0; c < 3; ++c) {
            const int i = 3 * r + c;
            const double grad_value = expected->grad[r][c];
            /* a soft label's gradient is measured by the larger of the terms subtracted (a one-hot label's is not) */
            const double scale = labels == soft_labels ? fmax(row_prob[r][c], (double)labels[r][c]) : grad_value;
            CHECK_ULPS(dtype, load(dtype, grad, i), grad_value, scale, 2);
            CHECK_ULPS(dtype, load(dtype, hess, i), expected->hess[r][c], expected->hess[r][c], 2);
            CHECK_ULPS(dtype, load(dtype, prob, i), row_prob[r][c], row_prob[r][c], 2);
            CHECK_ULPS(dtype, load(dtype, log_prob, i), row_log_prob[r][c], row_log_prob[r][c], 2);
        }
    }
}

/* Where textbook formulas give 0 or lose every digit. */
static void test_tiny_losses_are_exact(void) {
    const float logits[3] = {0, -30, -60};
    const float elements[2] = {-40, 40}, labels[2] = {0, 1};
    const int64_t label = 0;
    float loss[2], grad[3];
    CHECK(pyce_sparse_softmax_f32(logits, &label, 1, 3, loss, grad, NULL) == PYCE_OK);
    CHECK_ULPS(PYCE_FLOAT32, (double)loss[0], 9.35762296884061243e-14, 9.35762296884061243e-14, 2);
    CHECK_ULPS(PYCE_FLOAT32, (double)grad[0], -9.35762296884017460e-14, 9.35762296884017460e-14, 2);
    CHECK_ULPS(PYCE_FLOAT32, (double)grad[1], 9.35762296883929895e-14, 9.35762296883929895e-14, 2);
    CHECK_ULPS(PYCE_FLOAT32, (double)grad[2], 8.75651076269570094e-27, 8.75651076269570094e-27, 2);
    CHECK(pyce_sigmoid_f32(elements, labels, 2, loss, grad, NULL) == PYCE_OK);
    for (int i = 0; i < 2; ++i) {
        CHECK_ULPS(PYCE_FLOAT32, (double)loss[i], 4.24835425529158899e-18, 4.24835425529158899e-18, 2);
        CHECK_ULPS(PYCE_FLOAT32, fabs((double)grad[i]), 4.24835425529158898e-18, 4.24835425529158898e-18, 2);
    }
}

/* Each inline function of the header fills the struct as the general form does. */
static void test_short_forms_agree_with_the_general_call(void) {
    float loss[2], grad[6];
    double loss64[2], grad64[6], logits64[6], soft64[6];
    for (int i = 0; i < 6; ++i) {
        logits64[i] = (double)row_logits[i / 3][i % 3];
        soft64[i] = (double)soft_labels[i / 3][i % 3];
    }
    const double *logits = logits64, *soft = soft64;
    pyce_error error = pyce_error_init();
    CHECK(pyce_sparse_softmax_f32(row_logits[0], index_labels, 2, 3, loss, grad, &error) == PYCE_OK);
    CHECK_ULPS(PYCE_FLOAT32, (double)loss[1], hot_expected.loss[1], hot_expected.loss[1], 2);
    CHECK(pyce_sparse_softmax_f64(logits, index_labels, 2, 3, loss64, grad64, &error) == PYCE_OK);
    CHECK_ULPS(PYCE_FLOAT64, loss64[1], hot_expected.loss[1], hot_expected.loss[1], 2);
    CHECK(pyce_softmax_f32(row_logits[0], soft_labels[0], 2, 3, loss, grad, &error) == PYCE_OK);
    CHECK_ULPS(PYCE_FLOAT32, (double)loss[1], soft_expected.loss[1], soft_expected.loss[1], 2);
    CHECK(pyce_softmax_f64(logits, soft, 2, 3, loss64, grad64, &error) == PYCE_OK);
    CHECK_ULPS(PYCE_FLOAT64, loss64[1], soft_expected.loss[1], soft_expected.loss[1], 2);

    const double x = (double)0.5f, one = 1;
    const float x32 = 0.5f, one32 = 1;
    CHECK(pyce_sigmoid_f32(&x32, &one32, 1, loss, NULL, &error) == PYCE_OK);
    CHECK_ULPS(PYCE_FLOAT32, (double)loss[0], binary_cases[0].expected[0][0], binary_cases[0].expected[0][0], 2);
    CHECK(pyce_sigmoid_f64(&x, &one, 1, loss64, grad64, &error) == PYCE_OK);
    CHECK_ULPS(PYCE_FLOAT64, loss64[0], binary_cases[0].expected[0][0], binary_cases[0].expected[0][0], 2);
    CHECK(pyce_weighted_f32(&x32, &one32, 0.2f, 1, NULL, grad, &error) == PYCE_OK);
    CHECK_ULPS(PYCE_FLOAT32, (double)grad[0], binary_cases[1].expected[0][1], binary_cases[1].expected[0][1], 2);
    CHECK(pyce_weighted_f64(&x, &one, (double)0.2f, 1, loss64, grad64, &error) == PYCE_OK);
    CHECK_ULPS(PYCE_FLOAT64, grad64[0], binary_cases[1].expected[0][1], binary_cases[1].expected[0][1], 2);
    CHECK(error.status == PYCE_OK && error.message[0] == '\0');
}

static void test_library_is_the_one_of_the_header(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", PYCE_VERSION_MAJOR, PYCE_VERSION_MINOR, PYCE_VERSION_PATCH);
    CHECK(strcmp(pyce_version(), version) == 0);
    CHECK(pyce_abi_version() == PYCE_ABI_VERSION);
    CHECK(strcmp(pyce_loss_name(PYCE_SIGMOID), "sigmoid") == 0);
    CHECK(strcmp(pyce_loss_name(PYCE_WEIGHTED), "weighted") == 0);
    CHECK(strcmp(pyce_loss_name(PYCE_SOFTMAX), "softmax") == 0);
    CHECK(strcmp(pyce_loss_name(PYCE_SPARSE_SOFTMAX), "sparse_softmax") == 0);
    CHECK(pyce_loss_name(0) == NULL && pyce_loss_name(5) == NULL && pyce_loss_name(-1) == NULL);
    CHECK(strcmp(pyce_isa_name(PYCE_ISA_BASELINE), "baseline") == 0 && pyce_isa_name(0) == NULL);
    CHECK(strcmp(pyce_dtype_name(PYCE_FLOAT64), "float64") == 0 && pyce_dtype_name(0) == NULL);
    CHECK(strcmp(pyce_status_name(PYCE_OK), "PYCE_OK") == 0 && pyce_status_name(1) == NULL);
    CHECK(strcmp(pyce_argument_name(PYCE_ARG_LOGITS), "logits") == 0);
    CHECK(pyce_compiler()[0] != '\0');
    CHECK(pyce_max_threads() >= 1);
}

int main(void) {
    for (pyce_dtype dtype = PYCE_FLOAT32; dtype <= PYCE_FLOAT64; ++dtype) {
        test_binary_worked_examples(dtype);
        test_row_worked_examples(dtype, PYCE_SOFTMAX, soft_labels, &soft_expected);
        test_row_worked_examples(dtype, PYCE_SOFTMAX, hot_labels, &hot_expected);
        test_row_worked_examples(dtype, PYCE_SPARSE_SOFTMAX, hot_labels, &hot_expected);
    }
    test_tiny_losses_are_exact();
    test_short_forms_agree_with_the_general_call();
    test_library_is_the_one_of_the_header();
    return check_finish();
}
