/* The bytes of an input, from which everything about a call is drawn. Where they end zeros follow, and a draw of 0 is
 * always the plain choice. */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>
#include <stdint.h>

typedef struct bytes {
    const uint8_t *at, *end;
    uint64_t state; /* of the pseudo-random numbers that fill large arrays; drawn too */
} bytes;

static inline uint32_t draw(bytes *from) {
    return from->at < from->end ? *from->at++ : 0;
}

static inline uint32_t draw_below(bytes *from, uint32_t n) {
    const uint32_t low = draw(from);
    return (n > 256 ? low | draw(from) << 8 : low) % n;
}

/* Whether something happens that happens in n of 256 inputs. */
static inline int chance(bytes *from, uint32_t n) {
    return draw(from) >= 256 - n;
}

static inline uint64_t draw_word(bytes *from) {
    uint64_t word = 0;
    int i;
    for (i = 0; i < 8; i++) word |= (uint64_t)draw(from) << (8 * i);
    return word;
}

static inline uint64_t next_random(bytes *from) { /* splitmix64 */
    uint64_t z = (from->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A number that sizes and strides should not be. */
static inline int64_t draw_hostile(bytes *from) {
    static const int64_t numbers[] = {
        INT64_MAX, INT64_MIN, INT64_MIN + 1, -1, 0, 1, 2, (int64_t)1 << 31, (int64_t)1 << 32, ((int64_t)1 << 32) + 1,
        (int64_t)1 << 59, ((int64_t)1 << 59) - 1, (int64_t)1 << 60, (int64_t)1 << 61, (int64_t)1 << 62, INT64_MAX / 2,
        INT64_MAX / 3, -((int64_t)1 << 60), -((int64_t)1 << 62), INT64_MAX / 16, -INT64_MAX / 16, INT32_MAX, INT32_MIN};
    const uint32_t i = draw_below(from, 32);
    return i < sizeof numbers / sizeof *numbers ? numbers[i] : (int64_t)draw_word(from);
}

#endif
