/* A perceptron of two layers that learns handwritten digits; pyce computes loss and gradient.
 *
 *     python digits.py digits.bin
 *     cc -O2 perceptron.c $(pyce config --cflags --libs) -lm -o perceptron && ./perceptron digits.bin
 *
 * It prints the mean loss of every tenth pass over the data, and the accuracy on the rows that were held out. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "pyce.h"

enum { MARK = 0x64696769, HIDDEN = 64, BATCH = 50, PASSES = 60 };
static const float RATE = 0.1f, MOMENTUM = 0.9f;

typedef struct dataset {
    int32_t train, held_out, features, classes;
    float *x;  /* (train + held_out, features) */
    int32_t *y;
} dataset;

typedef struct layer {
    int32_t in, out;
    float *weight, *bias; /* (in, out), (out,) */
    float *weight_step, *bias_step;
} layer;

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return memory;
}

static int read_dataset(const char *path, dataset *d) {
    int32_t head[5];
    FILE *file = fopen(path, "rb");
    int good;
    if (!file) return 0;
    good = fread(head, sizeof *head, 5, file) == 5 && head[0] == MARK && head[1] >= BATCH && head[2] > 0 &&
           head[3] > 0 && head[4] > 1;
    if (good) {
        d->train = head[1];
        d->held_out = head[2];
        d->features = head[3];
        d->classes = head[4];
        const size_t rows = (size_t)d->train + (size_t)d->held_out;
        d->x = (float *)allocate(rows * (size_t)d->features, sizeof *d->x);
        d->y = (int32_t *)allocate(rows, sizeof *d->y);
        good = fread(d->x, sizeof *d->x, rows * (size_t)d->features, file) == rows * (size_t)d->features &&
               fread(d->y, sizeof *d->y, rows, file) == rows;
    }
    fclose(file);
    if (!good) {
        free(d->x);
        free(d->y);
    }
    return good;
}

/* A small generator of our own, so that every machine trains the same way: xorshift by Marsaglia. */
static uint32_t random_bits(void) {
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static float random_between(float low, float high) {
    return low + (high - low) * ((float)(random_bits() >> 8) / 16777216.0f);
}

/* Glorot's initial weights. */
static layer new_layer(int32_t in, int32_t out) {
    const size_t size = (size_t)in * (size_t)out;
    const float bound = sqrtf(6.0f / (float)(in + out));
    layer l;
    size_t i;
    l.in = in;
    l.out = out;
    l.weight = (float *)allocate(size, sizeof *l.weight);
    l.weight_step = (float *)allocate(size, sizeof *l.weight_step);
    l.bias = (float *)allocate((size_t)out, sizeof *l.bias);
    l.bias_step = (float *)allocate((size_t)out, sizeof *l.bias_step);
    for (i = 0; i < size; i++) l.weight[i] = random_between(-bound, bound);
    return l;
}

static void free_layer(layer *l) {
    free(l->weight);
    free(l->weight_step);
    free(l->bias);
    free(l->bias_step);
}

/* to (rows, out) = from (rows, in) weight + bias */
static void forward(const layer *l, const float *from, int32_t rows, float *to) {
    int64_t r, i, o;
    for (r = 0; r < rows; r++) {
        float *row = to + r * l->out;
        for (o = 0; o < l->out; o++) row[o] = l->bias[o];
        for (i = 0; i < l->in; i++) {
            const float x = from[r * l->in + i], *weight = l->weight + i * l->out;
            for (o = 0; o < l->out; o++) row[o] += x * weight[o];
        }
    }
}

/* From the loss's gradient by the layer's outputs to that by its inputs (unless NULL); then a step of the layer. */
static void backward(layer *l, const float *from, const float *grad, int32_t rows, float *grad_from) {
    int64_t r, i, o;
    for (i = 0; i < (int64_t)l->in * l->out; i++) l->weight_step[i] *= MOMENTUM;
    for (o = 0; o < l->out; o++) l->bias_step[o] *= MOMENTUM;
    for (r = 0; r < rows; r++) {
        const float *row = grad + r * l->out;
        for (o = 0; o < l->out; o++) l->bias_step[o] -= RATE * row[o];
        for (i = 0; i < l->in; i++) {
            const float x = from[r * l->in + i], *weight = l->weight + i * l->out;
            float *step = l->weight_step + i * l->out, sum = 0.0f;
            for (o = 0; o < l->out; o++) {
                sum += row[o] * weight[o];
                step[o] -= RATE * x * row[o];
            }
            if (grad_from) grad_from[r * l->in + i] = sum;
        }
    }
    for (i = 0; i < (int64_t)l->in * l->out; i++) l->weight[i] += l->weight_step[i];
    for (o = 0; o < l->out; o++) l->bias[o] += l->bias_step[o];
}

static void rectify(float *values, int64_t n) {
    int64_t i;
    for (i = 0; i < n; i++) values[i] = values[i] > 0.0f ? values[i] : 0.0f;
}

static void check(pyce_status status, const pyce_error *error) {
    if (status == PYCE_OK) return;
    fprintf(stderr, "%s\n", error->message);
    exit(1);
}

/* The mean loss of the rows; their gradient takes the place of the logits. */
static float mean_loss(float *logits, const int32_t *labels, int32_t rows, int32_t classes) {
    pyce_error error = pyce_error_init();
    float mean;
    pyce_args args = pyce_args_rows(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT32, logits, rows, classes, &mean, logits);
    args.labels = pyce_input_2d(labels, PYCE_INT32, 1, 0);
    args.reduction = PYCE_REDUCTION_MEAN;
    check(pyce_compute(&args, &error), &error);
    return mean;
}

/* How many rows have their greatest logit at the label. */
static int32_t count_correct(const float *logits, const int32_t *labels, int32_t rows, int32_t classes) {
    uint8_t *correct = (uint8_t *)allocate((size_t)rows, 1);
    pyce_error error = pyce_error_init();
    pyce_args args = pyce_args_rows(PYCE_SPARSE_SOFTMAX, PYCE_FLOAT32, logits, rows, classes, NULL, NULL);
    int32_t count = 0, i;
    args.labels = pyce_input_2d(labels, PYCE_INT32, 1, 0);
    args.correct = pyce_output_2d(correct, PYCE_BOOL, 1, 0);
    check(pyce_compute(&args, &error), &error);
    for (i = 0; i < rows; i++) count += correct[i];
    free(correct);
    return count;
}

/* The rows in another order. */
static void shuffle(dataset *d) {
    int64_t i, k;
    for (i = d->train - 1; i > 0; i--) {
        const int64_t other = random_bits() % (uint32_t)(i + 1);
        const int32_t label = d->y[i];
        float *a = d->x + i * d->features, *b = d->x + other * d->features;
        for (k = 0; k < d->features; k++) {
            const float x = a[k];
            a[k] = b[k];
            b[k] = x;
        }
        d->y[i] = d->y[other];
        d->y[other] = label;
    }
}

/* One pass over the data; the mean of the batches' losses. */
static float train(dataset *d, layer *first, layer *second, float *hidden, float *logits, float *hidden_grad) {
    const int32_t batches = d->train / BATCH;
    float sum = 0.0f;
    int32_t start, i;
    shuffle(d);
    for (start = 0; start + BATCH <= d->train; start += BATCH) {
        const float *x = d->x + (int64_t)start * d->features;
        forward(first, x, BATCH, hidden);
        rectify(hidden, (int64_t)BATCH * HIDDEN);
        forward(second, hidden, BATCH, logits);
        sum += mean_loss(logits, d->y + start, BATCH, d->classes);
        backward(second, hidden, logits, BATCH, hidden_grad);
        for (i = 0; i < BATCH * HIDDEN; i++) hidden_grad[i] = hidden[i] > 0.0f ? hidden_grad[i] : 0.0f;
        backward(first, x, hidden_grad, BATCH, NULL);
    }
    return sum / (float)batches;
}

int main(int count, char **arguments) {
    dataset d = {0};
    layer first, second;
    float *hidden, *logits, *grad;
    int32_t pass, most, correct;
    if (count != 2 || !read_dataset(arguments[1], &d)) {
        fprintf(stderr, "usage: %s FILE, a file that digits.py has written on this machine\n", arguments[0]);
        return 2;
    }
    most = d.held_out > BATCH ? d.held_out : BATCH;
    first = new_layer(d.features, HIDDEN);
    second = new_layer(HIDDEN, d.classes);
    hidden = (float *)allocate((size_t)most * HIDDEN, sizeof *hidden);
    logits = (float *)allocate((size_t)most * (size_t)d.classes, sizeof *logits);
    grad = (float *)allocate((size_t)BATCH * HIDDEN, sizeof *grad);
    for (pass = 1; pass <= PASSES; pass++) {
        const float mean = train(&d, &first, &second, hidden, logits, grad);
        if (pass % 10 == 0) printf("pass %d: mean loss %.2e\n", (int)pass, (double)mean);
    }
    forward(&first, d.x + (int64_t)d.train * d.features, d.held_out, hidden);
    rectify(hidden, (int64_t)d.held_out * HIDDEN);
    forward(&second, hidden, d.held_out, logits);
    correct = count_correct(logits, d.y + d.train, d.held_out, d.classes);
    printf("held-out accuracy %.4f\n", (double)correct / (double)d.held_out);
    free_layer(&first);
    free_layer(&second);
    free(hidden);
    free(logits);
    free(grad);
    free(d.x);
    free(d.y);
    return 0;
}
