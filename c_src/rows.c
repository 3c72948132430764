/* rows.c: the softmax family: what a block of rows goes through, whatever the class count.
 *
 * First the states of its rows (the maximum, the sum of the other exponentials, label sums), then, in vectors, the
 * losses from them and the constants of each row, and then, while the rows are in cache, a second pass that writes what
 * has the logits' shape. Who finds the states depends on the class count: lanes.c for few, tiled_rows.c for many. */
#include "rows.h"

#include <math.h>
#include <string.h>

enum { KEPT_BYTES = 262144 }; /* of the longest row that keeps something for its gradient */

void pyce_read_rows(const problem *p, const block *b, int64_t padded, scratch *s) {
    const operand *logits = p->in + IN_LOGITS;
    /* cppcheck-suppress [uninitvar, ctuuninitvar] ; their addresses are taken, they are not read */
    double *value = s->weights.value, *keep = s->weights.keep, *at_label = s->states.at_label;
    int64_t i;
    if (p->indexed) pyce_read_indices(p, b, s->index);
    for (i = p->indexed ? b->n : 0; i < padded; i++) s->index[i] = -1;
    if (p->indexed && !p->dense) {
        p->doubles->pick[logits->dtype](at_label, input_at(logits, b->in[IN_LOGITS]), inner_stride(p, logits),
                                        logits->class_stride, s->index, padded);
    } else {
        for (i = 0; i < padded; i++) at_label[i] = 0.0;
    }
    if (p->weighted) {
        weights w;
        pyce_read_weights(p, b, s->index, &w);
        for (i = 0; i < b->n; i++) {
            value[i] = w.value[i];
            keep[i] = w.keep[i];
        }
    }
    for (i = p->weighted ? b->n : 0; i < padded; i++) value[i] = keep[i] = 1.0;
}

static void finish_losses(const problem *p, const block *b, scratch *s, sums *to) {
    const operand *loss = p->out + OUT_LOSS, *lse = p->out + OUT_LSE;
    if (!loss->out && !lse->out && !p->sums_loss) return;
    p->set->losses(&s->states, &s->totals, b->n, p->dense, p->weighted ? &s->weights : NULL, s->loss, s->lse);
    if (p->sums_loss) p->doubles->accumulate(to, b->place, s->loss, b->n);
    if (loss->out) {
        p->set->store_doubles[loss->dtype](output_at(loss, b->out[OUT_LOSS]), s->loss, inner_stride(p, loss), b->n);
    }
    if (lse->out) {
        p->set->store_doubles[lse->dtype](output_at(lse, b->out[OUT_LSE]), s->lse, inner_stride(p, lse), b->n);
    }
}

/* Whether some output needs more constants than the gradient does. */
static int32_t needs_all_constants(const problem *p) {
    return p->step_count > 1 || p->steps[0].loop != ROWS_GRAD;
}

void pyce_finish_rows(const problem *p, const block *b, int64_t padded, scratch *s, sums *to) {
    const int plain = !p->weighted && p->scale[0] == 1.0; /* 1 over 1 and nothing else */
    /* the padding for the constants alone: one row at a time is slower with it */
    p->set->totals(&s->states, p->step_count ? padded : b->n, p->dense, &s->totals);
    finish_losses(p, b, s, to);
    if (p->step_count == 0) return;
    p->set->constants(&s->states, &s->totals, padded, p->dense, needs_all_constants(p),
                      plain ? NULL : &s->weights, p->scale, &s->constants);
}

int pyce_is_nothing(const problem *p, const scratch *s, int64_t i) {
    const double rest = s->states.rest[i];
    return s->states.max[i] == -INFINITY && rest == rest && pyce_mass_of(p, s, i) == 0.0;
}

double pyce_mass_of(const problem *p, const scratch *s, int64_t i) {
    const double mass = p->dense ? s->states.other[i] + s->states.top[i] : 1.0;
    return mass * s->weights.value[i] * p->scale[0];
}

void pyce_store_correct(const problem *p, const block *b, int64_t i, int64_t label, int64_t place) {
    const operand *out = p->out + OUT_CORRECT;
    *(uint8_t *)output_at(out, b->out[OUT_CORRECT] + i * inner_stride(p, out)) = label >= 0 && label == place;
}

int pyce_reads_at_once(const problem *p) {
    const operand *logits = p->in + IN_LOGITS, *labels = p->in + IN_LABELS;
    return is_direct(p, logits, logits->class_stride, p->classes) && !p->blended &&
           (!p->dense || is_direct(p, labels, labels->class_stride, p->classes));
}

/* As long as that stays in L2: loss and gradient take 0.8 of the time (AVX2: 0.7 to 0.8). */
int pyce_keeps(const problem *p) {
    return p->step_count == 1 && p->steps[0].loop == ROWS_GRAD && p->classes > LANE_CLASSES &&
           p->classes * p->set->size <= KEPT_BYTES &&
           !p->in_place && is_direct(p, p->out + OUT_GRAD, p->out[OUT_GRAD].class_stride, p->classes);
}

rows_loop pyce_loop_over(const problem *p, const block *b) {
    const operand *logits = p->in + IN_LOGITS, *labels = p->in + IN_LABELS, *grad = p->out + OUT_GRAD;
    rows_loop loop = {0};
    loop.x = input_at(logits, b->in[IN_LOGITS]);
    loop.x_step = inner_stride(p, logits);
    if (p->dense) {
        loop.labels = input_at(labels, b->in[IN_LABELS]);
        loop.labels_step = inner_stride(p, labels);
    }
    loop.kept = pyce_keeps(p);
    if (loop.kept) {
        loop.first = output_at(grad, b->out[OUT_GRAD]);
        loop.first_step = inner_stride(p, grad);
    }
    loop.classes = p->classes;
    loop.count = b->n;
    return loop;
}

int pyce_write_at_once(const problem *p, const block *b, const scratch *s) {
    const step now = p->steps[0];
    const operand *first = p->out + now.first;
    const operand *second = p->out + (now.second < 0 ? now.first : now.second);
    rows_loop loop;
    if (p->step_count != 1 || !pyce_reads_at_once(p) || p->weighted) return 0;
    if (now.first == OUT_HVP || now.first == OUT_LABELS_GRAD) return 0;
    if (!is_direct(p, first, first->class_stride, p->classes)) return 0;
    if (!is_direct(p, second, second->class_stride, p->classes)) return 0;
    loop = pyce_loop_over(p, b);
    if (now.first != OUT_GRAD && now.first != OUT_HESS) loop.labels = NULL;
    loop.index = p->indexed ? s->index : NULL;
    loop.first = output_at(first, b->out[now.first]);
    loop.first_step = inner_stride(p, first);
    if (now.second >= 0) loop.second = output_at(second, b->out[now.second]);
    loop.second_step = inner_stride(p, second);
    loop.constants = &s->constants;
    p->set->rows_along[now.loop](&loop);
    return 1;
}

void pyce_run_rows(const problem *p, partial_sums *parts) {
    if (p->classes <= LANE_CLASSES) pyce_run_few_classes(p, parts);
    else pyce_run_many_classes(p, parts);
}
