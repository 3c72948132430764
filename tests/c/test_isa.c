/* Instruction sets: those with fused multiply-add agree bit for bit; the baseline agrees within the bound of both.
 * `test_isa list` lists them and does no more. */
#include "problem.h"

static const int64_t class_counts[] = {1, 2, 3, 10, 15, 16, 17, 31, 33, 255, 256, 257, 1000, 1023, 1024, 1025, 3000};

/* Both results lie within 2 ulp of the exact value. A log-sum-exp is measured by the larger of its two terms: the
 * maximum and the logarithm. */
static double scale_of(const problem *p, const results *baseline, int k, int64_t i) {
    const double value = load(p->dtype, baseline->data[k], i);
    if (k != OUTPUT_LSE) {
        return value;
    }
    double maximum = -INFINITY;
    for (int64_t c = 0; c < p->classes; ++c) {
        const double logit = load(p->dtype, p->logits, i * p->classes + c);
        maximum = logit > maximum ? logit : maximum; /* with fmax, gcc 12.2 for aarch64 ends in an internal error */
    }
    return isfinite(value) ? fmax(fabs(maximum), fabs(value - maximum)) : value;
}

static double distance_of(const problem *p, const results *baseline, const results *other, int k, int64_t i) {
    return ulps_apart(p->dtype, load(p->dtype, other->data[k], i), load(p->dtype, baseline->data[k], i),
                      scale_of(p, baseline, k, i));
}

static void check_close_results(const problem *p, const results *baseline, const results *other, const char *setting) {
    for (int k = 0; k < OUTPUTS; ++k) {
        int64_t worst = 0;
        for (int64_t i = 1; i < baseline->count[k]; ++i) {
            worst = distance_of(p, baseline, other, k, i) > distance_of(p, baseline, other, k, worst) ? i : worst;
        }
        CHECK_SAYING(baseline->count[k] == 0 || distance_of(p, baseline, other, k, worst) <= 4,
                     "%s %s (%lld, %lld), %s[%lld] on %s: %.17g, baseline %.17g: %g ulp", pyce_loss_name(p->kind),
                     pyce_dtype_name(p->dtype), (long long)p->rows, (long long)p->classes, output_names[k],
                     (long long)worst, setting, load(p->dtype, other->data[k], worst),
                     load(p->dtype, baseline->data[k], worst), distance_of(p, baseline, other, k, worst));
    }
}

static void test_instruction_sets_agree(pyce_loss kind, pyce_dtype dtype, int64_t classes, int data_kind) {
    problem p = problem_new(kind, dtype, 40, classes, data_kind);
    results baseline = problem_run(&p, PYCE_ISA_BASELINE, 1);
    results fused = {{0}, {NULL}};
    char setting[64];
    for (pyce_isa isa = PYCE_ISA_BASELINE + 1; pyce_isa_name(isa) != NULL; ++isa) {
        if (!pyce_isa_available(isa)) {
            continue;
        }
        snprintf(setting, sizeof setting, "%s, \"%s\" logits", pyce_isa_name(isa), data_names[data_kind]);
        results other = problem_run(&p, isa, 1);
        check_close_results(&p, &baseline, &other, setting);
        if (fused.data[0] == NULL) {
            fused = other;
        } else {
            check_same_results(&p, &fused, &other, setting);
            results_free(&other);
        }
    }
    results_free(&fused);
    results_free(&baseline);
    problem_free(&p);
}

static void test_automatic_choice_is_available(void) {
    CHECK(pyce_isa_compiled(PYCE_ISA_BASELINE) && pyce_isa_available(PYCE_ISA_BASELINE));
    CHECK(pyce_isa_available(pyce_isa_default()));
    CHECK(!pyce_isa_compiled(0) && !pyce_isa_compiled(-1) && !pyce_isa_available(1000));
    for (pyce_isa isa = PYCE_ISA_BASELINE; pyce_isa_name(isa) != NULL; ++isa) {
        printf("%s: compiled %d, available %d%s\n", pyce_isa_name(isa), (int)pyce_isa_compiled(isa),
               (int)pyce_isa_available(isa), isa == pyce_isa_default() ? ", default" : "");
        CHECK(pyce_isa_compiled(isa) || !pyce_isa_available(isa));
    }
}

static int is_alone(void) { /* the baseline */
    pyce_isa isa = PYCE_ISA_BASELINE + 1;
    while (pyce_isa_name(isa) != NULL && !pyce_isa_available(isa)) ++isa;
    return pyce_isa_name(isa) == NULL;
}

int main(int count, char **arguments) {
    test_automatic_choice_is_available();
    if (count > 1 && strcmp(arguments[1], "list") == 0) return check_finish();
    if (is_alone()) {
        printf("one instruction set here: nothing to compare\n");
        return check_finish();
    }
    for (pyce_loss kind = 1; pyce_loss_name(kind) != NULL; ++kind) {
        for (pyce_dtype dtype = PYCE_FLOAT32; dtype <= PYCE_FLOAT64; ++dtype) {
            for (size_t c = 0; c < sizeof class_counts / sizeof *class_counts; ++c) {
                for (int data_kind = 0; data_kind < DATA_KINDS; ++data_kind) {
                    test_instruction_sets_agree(kind, dtype, class_counts[c], data_kind);
                }
            }
        }
    }
    return check_finish();
}
