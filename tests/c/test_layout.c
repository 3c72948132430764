/* Memory layouts: a result depends on the values alone. Every layout must give, bit for bit, what the contiguous
 * arrays give, and write nothing between the elements of an output. */
#include "problem.h"

/* Axes from the outermost in memory to the innermost; a step of 3 leaves two elements free between neighbours, a
 * negative one runs backwards. `shape` has 0 where the classes stand; the rows of the problem fill the others. */
typedef struct layout {
    const char *name;
    int32_t ndim;
    int32_t axis;
    int64_t shape[PYCE_MAX_NDIM];
    int32_t order[PYCE_MAX_NDIM];
    int32_t step[PYCE_MAX_NDIM];
} layout;

#define ROWS 24

static const layout layouts[] = {
    {"C order", 2, 1, {ROWS, 0}, {0, 1}, {1, 1}},
    {"class axis first", 2, 0, {0, ROWS}, {0, 1}, {1, 1}},
    {"Fortran order", 2, 1, {ROWS, 0}, {1, 0}, {1, 1}},
    {"padded rows", 2, 1, {ROWS, 0}, {0, 1}, {2, 1}},
    {"spaced classes", 2, 1, {ROWS, 0}, {0, 1}, {1, 3}},
    {"spaced both", 2, 1, {ROWS, 0}, {1, 0}, {2, 3}},
    {"backward rows", 2, 1, {ROWS, 0}, {0, 1}, {-1, 1}},
    {"backward classes", 2, 1, {ROWS, 0}, {0, 1}, {1, -1}},
    {"backward both, Fortran", 2, 1, {ROWS, 0}, {1, 0}, {-1, -2}},
    {"class axis in the middle", 3, 1, {4, 0, 6}, {0, 1, 2}, {1, 1, 1}},
    {"three axes, permuted", 3, 2, {4, 6, 0}, {2, 0, 1}, {1, -1, 2}},
    {"eight axes", 8, 5, {2, 1, 3, 1, 2, 0, 1, 2}, {0, 1, 2, 3, 4, 5, 6, 7}, {1, 1, 1, 1, 1, 1, 1, 1}},
    {"eight axes, permuted", 8, 0, {0, 3, 1, 2, 2, 1, 2, 1}, {7, 2, 0, 4, 6, 1, 5, 3}, {1, 2, 1, -1, 1, 1, -3, 1}},
};

/* One array in a layout: `stride` and `base` in elements, `size` elements in all. */
typedef struct placed {
    int64_t stride[PYCE_MAX_NDIM];
    int64_t base;
    int64_t size;
} placed;

static placed place(const layout *l, int64_t classes, int has_classes) {
    placed a = {{0}, 0, 1};
    for (int k = l->ndim - 1; k >= 0; --k) {
        const int32_t axis = l->order[k];
        const int64_t extent = axis != l->axis ? l->shape[axis] : has_classes ? classes : 1;
        const int64_t step = l->step[k] < 0 ? -l->step[k] : l->step[k];
        const int64_t stride = a.size * step;
        a.stride[axis] = l->step[k] < 0 ? -stride : stride;
        a.base += l->step[k] < 0 ? (extent - 1) * stride : 0;
        a.size = extent * stride;
    }
    if (!has_classes) {
        a.stride[l->axis] = 12345; /* to be ignored */
    }
    return a;
}

static int64_t offset_of(const layout *l, const placed *a, int64_t row, int64_t class_index) {
    int64_t offset = a->base + class_index * a->stride[l->axis];
    for (int32_t axis = l->ndim - 1; axis >= 0; --axis) {
        if (axis != l->axis) {
            offset += row % l->shape[axis] * a->stride[axis];
            row /= l->shape[axis];
        }
    }
    return offset;
}

static void *scatter(const problem *p, const layout *l, const placed *a, const void *contiguous) {
    void *data = allocate(a->size, size_of(p->dtype));
    memset(data, 0xff, (size_t)a->size * size_of(p->dtype)); /* NaN between the elements */
    for (int64_t i = 0; i < p->rows * p->classes; ++i) {
        store(p->dtype, data, offset_of(l, a, i / p->classes, i % p->classes), load(p->dtype, contiguous, i));
    }
    return data;
}

/* Moves an output into contiguous order and checks that nothing beside its elements was written. */
static void gather(const problem *p, const layout *l, const placed *a, const void *data, void *contiguous,
                   int64_t count) {
    const size_t size = size_of(p->dtype);
    unsigned char *rest = (unsigned char *)allocate(a->size, size);
    memcpy(rest, data, (size_t)a->size * size);
    const int64_t classes = count == p->rows ? 1 : p->classes;
    for (int64_t i = 0; i < count; ++i) {
        const int64_t offset = offset_of(l, a, i / classes, i % classes);
        store(p->dtype, contiguous, i, load(p->dtype, data, offset));
        memset(rest + (size_t)offset * size, 0x5a, size);
    }
    size_t i = 0;
    while (i < (size_t)a->size * size && rest[i] == 0x5a) {
        ++i;
    }
    CHECK_SAYING(i == (size_t)a->size * size, "%s, %s: byte %lu outside the elements was written",
                 pyce_loss_name(p->kind), l->name, (unsigned long)i);
    free(rest);
}

static void *at(pyce_dtype dtype, void *data, int64_t offset) { return (char *)data + (size_t)offset * size_of(dtype); }

static results run_in_layout(const problem *p, const layout *l) {
    const placed full = place(l, p->classes, 1), reduced = place(l, p->classes, 0);
    results r = results_new(p);
    void *logits = scatter(p, l, &full, p->logits), *dense = scatter(p, l, &full, p->dense), *outputs[OUTPUTS];
    int64_t *index = (int64_t *)allocate(reduced.size, sizeof(int64_t));
    for (int64_t row = 0; row < p->rows; ++row) {
        index[offset_of(l, &reduced, row, 0)] = p->index[row];
    }
    pyce_args args = problem_args(p, &r);
    args.ndim = l->ndim;
    args.axis = l->axis;
    memcpy(args.shape, l->shape, sizeof args.shape);
    args.shape[l->axis] = p->classes;
    args.logits.data = at(p->dtype, logits, full.base);
    memcpy(args.logits.stride, full.stride, sizeof full.stride);
    const int sparse = p->kind == PYCE_SPARSE_SOFTMAX;
    args.labels.data = sparse ? (void *)(index + reduced.base) : at(p->dtype, dense, full.base);
    memcpy(args.labels.stride, sparse ? reduced.stride : full.stride, sizeof full.stride);
    for (int k = 0; k < OUTPUTS; ++k) {
        const placed *a = r.count[k] == p->rows ? &reduced : &full;
        outputs[k] = allocate(a->size, size_of(p->dtype));
        memset(outputs[k], 0x5a, (size_t)a->size * size_of(p->dtype));
        if (r.count[k] != 0) {
            output_of(&args, k)->data = at(p->dtype, outputs[k], a->base);
            memcpy(output_of(&args, k)->stride, a->stride, sizeof a->stride);
        }
    }
    pyce_error error = pyce_error_init();
    CHECK_SAYING(pyce_compute(&args, &error) == PYCE_OK, "%s, %s: %s", pyce_loss_name(p->kind), l->name, error.message);
    for (int k = 0; k < OUTPUTS; ++k) {
        gather(p, l, r.count[k] == p->rows ? &reduced : &full, outputs[k], r.data[k], r.count[k]);
        free(outputs[k]);
    }
    free(logits);
    free(dense);
    free(index);
    return r;
}

static void test_every_layout_gives_the_same_bits(pyce_loss kind, pyce_dtype dtype, int64_t classes, int data_kind) {
    problem p = problem_new(kind, dtype, ROWS, classes, data_kind);
    results contiguous = problem_run(&p, PYCE_ISA_AUTO, 1);
    for (size_t k = 0; k < sizeof layouts / sizeof *layouts; ++k) {
        results other = run_in_layout(&p, &layouts[k]);
        check_same_results(&p, &contiguous, &other, layouts[k].name);
        results_free(&other);
    }
    results_free(&contiguous);
    problem_free(&p);
}

static void test_one_output_alone_is_the_one_of_all(pyce_loss kind, pyce_dtype dtype, int64_t classes) {
    problem p = problem_new(kind, dtype, ROWS, classes, DATA_PLAIN);
    results all = problem_run(&p, PYCE_ISA_AUTO, 1), alone = results_new(&p);
    for (int k = 0; k < OUTPUTS; ++k) {
        pyce_args args = problem_args(&p, &alone);
        for (int other = 0; other < OUTPUTS; ++other) {
            if (other != k) {
                output_of(&args, other)->data = NULL;
            }
        }
        if (output_of(&args, k)->data != NULL) {
            CHECK(pyce_compute(&args, NULL) == PYCE_OK);
        }
    }
    check_same_results(&p, &all, &alone, "one output at a time");
    results_free(&all);
    results_free(&alone);
    problem_free(&p);
}

static void test_gradient_may_overwrite_the_logits(pyce_loss kind, pyce_dtype dtype, int64_t classes) {
    problem p = problem_new(kind, dtype, ROWS, classes, DATA_PLAIN);
    results apart = problem_run(&p, PYCE_ISA_AUTO, 1), in_place = results_new(&p);
    pyce_args args = problem_args(&p, &in_place);
    args.grad = pyce_output_2d(p.logits, dtype, classes, 1);
    CHECK(pyce_compute(&args, NULL) == PYCE_OK);
    memcpy(in_place.data[OUTPUT_GRAD], p.logits, (size_t)(ROWS * classes) * size_of(dtype));
    check_same_results(&p, &apart, &in_place, "gradient in place");
    results_free(&apart);
    results_free(&in_place);
    problem_free(&p);
}

/* A stride of 0 reads one label row, one pos_weight row, for all rows. */
static void test_broadcast_inputs_are_as_written_out(pyce_loss kind, pyce_dtype dtype, int64_t classes) {
    problem p = problem_new(kind, dtype, ROWS, classes, DATA_PLAIN);
    double *pos_weight = (double *)allocate(ROWS * classes, sizeof(double));
    for (int64_t i = 0; i < ROWS * classes; ++i) {
        pos_weight[i] = 0.25 * (double)(i % classes);
        store(dtype, p.dense, i, load(dtype, p.dense, i % classes));
        p.index[i / classes] = p.index[0];
    }
    results written_out = results_new(&p), broadcast = results_new(&p);
    for (int pass = 0; pass < 2; ++pass) {
        pyce_args args = problem_args(&p, pass ? &broadcast : &written_out);
        if (kind == PYCE_WEIGHTED) {
            args.pos_weight = pyce_input_2d(pos_weight, PYCE_FLOAT64, pass ? 0 : classes, 1);
        }
        args.labels.stride[0] = pass ? 0 : args.labels.stride[0];
        CHECK(pyce_compute(&args, NULL) == PYCE_OK);
    }
    check_same_results(&p, &written_out, &broadcast, "broadcasting");
    results_free(&written_out);
    results_free(&broadcast);
    free(pos_weight);
    problem_free(&p);
}

/* Extents and strides that overflow when multiplied do not matter where there are no elements, also in a reduction. */
static void test_an_empty_problem_may_have_a_huge_shape(pyce_reduction reduction) {
    float nothing = 7;
    pyce_error error = pyce_error_init();
    pyce_args args = pyce_args_init();
    args.loss_kind = PYCE_SIGMOID;
    args.ndim = 3;
    args.reduction = reduction;
    args.shape[0] = args.shape[1] = INT64_MAX;
    args.logits.data = args.labels.data = &nothing;
    args.loss.data = &nothing;
    args.logits.dtype = args.labels.dtype = args.loss.dtype = PYCE_FLOAT32;
    for (int i = 0; i < 3; ++i) {
        args.logits.stride[i] = args.labels.stride[i] = args.loss.stride[i] = i == 0 ? INT64_MIN : INT64_MAX;
    }
    CHECK_SAYING(pyce_compute(&args, &error) == PYCE_OK, "%s", error.message);
    CHECK(reduction == PYCE_REDUCTION_SUM ? nothing == 0 : reduction ? isnan(nothing) : nothing == 7);
}

/* Nor does a stride along which no step is taken: of an extent of 1, or of an axis that the array does not have. */
static void test_unused_strides_may_be_anything(void) {
    const float logits[6] = {1, 2, 3, 3, 1, 2};
    const int64_t labels[2] = {2, 5}; /* the second is masked */
    const uint8_t mask[2] = {1, 0};
    float loss[2] = {7, 7}, grad[6];
    pyce_error error = pyce_error_init();
    pyce_args args = pyce_args_rows(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT32, logits, 2, 3, loss, grad);
    args.labels = pyce_input_2d(labels, PYCE_INT64, 1, INT64_MIN);
    args.where = pyce_input_2d(mask, PYCE_BOOL, 1, INT64_MAX);
    args.loss.stride[1] = INT64_MIN;
    args.ndim = 4; /* (2, 3) becomes (2, 3, 1, 1) */
    args.shape[2] = args.shape[3] = 1;
    args.logits.stride[2] = args.labels.stride[2] = args.where.stride[3] = args.loss.stride[3] = INT64_MIN;
    args.logits.stride[3] = args.labels.stride[3] = args.grad.stride[2] = INT64_MAX;
    CHECK_SAYING(pyce_compute(&args, &error) == PYCE_OK, "%s", error.message);
    CHECK_ULPS(PYCE_FLOAT32, loss[0], 0.40760596444438, 0.40760596444438, 2);
    CHECK(loss[1] == 0 && grad[3] == 0 && grad[4] == 0 && grad[5] == 0);
}

int main(void) {
    test_unused_strides_may_be_anything();
    for (pyce_reduction reduction = PYCE_REDUCTION_NONE; reduction <= PYCE_REDUCTION_MEAN; ++reduction) {
        test_an_empty_problem_may_have_a_huge_shape(reduction);
    }
    static const int64_t class_counts[] = {1, 10, 257, 1100};
    for (pyce_loss kind = 1; pyce_loss_name(kind) != NULL; ++kind) {
        for (pyce_dtype dtype = PYCE_FLOAT32; dtype <= PYCE_FLOAT64; ++dtype) {
            for (size_t c = 0; c < sizeof class_counts / sizeof *class_counts; ++c) {
                test_every_layout_gives_the_same_bits(kind, dtype, class_counts[c], DATA_PLAIN);
                test_every_layout_gives_the_same_bits(kind, dtype, class_counts[c], DATA_INFINITE);
                test_every_layout_gives_the_same_bits(kind, dtype, class_counts[c], DATA_NAN);
                test_one_output_alone_is_the_one_of_all(kind, dtype, class_counts[c]);
                test_gradient_may_overwrite_the_logits(kind, dtype, class_counts[c]);
                test_broadcast_inputs_are_as_written_out(kind, dtype, class_counts[c]);
            }
        }
    }
    return check_finish();
}
