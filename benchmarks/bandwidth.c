/* Loops that move memory and do nothing else, over words of 8 bytes; limits.py compiles and calls them. */
#include <stdint.h>
#include <string.h>

enum { BLOCK = 32, SERIAL_WORDS = 1 << 13 }; /* below that, starting threads costs more than they bring */

/* Returns the exclusive or of all words, so that they must be read. */
uint64_t read_words(const uint64_t *from, int64_t words, int threads) {
    uint64_t all = 0;
    int64_t blocks = words / BLOCK;
#pragma omp parallel num_threads(threads) reduction(^ : all) if (words > SERIAL_WORDS)
    {
        uint64_t part[BLOCK] = {0};
#pragma omp for schedule(static)
        for (int64_t block = 0; block < blocks; block++) {
            for (int i = 0; i < BLOCK; i++) {
                part[i] ^= from[block * BLOCK + i];
            }
        }
        for (int i = 0; i < BLOCK; i++) {
            all ^= part[i];
        }
    }
    for (int64_t i = blocks * BLOCK; i < words; i++) {
        all ^= from[i];
    }
    return all;
}

void copy_words(uint64_t *to, const uint64_t *from, int64_t words, int threads) {
    int64_t share = (words + threads - 1) / threads;
    if (words <= SERIAL_WORDS) {
        share = words;
    }
#pragma omp parallel for num_threads(threads) schedule(static) if (words > SERIAL_WORDS)
    for (int thread = 0; thread < threads; thread++) {
        int64_t begin = thread * share, end = begin + share < words ? begin + share : words;
        if (begin < end) {
            memcpy(to + begin, from + begin, (size_t)(end - begin) * sizeof *to);
        }
    }
}

/* With a mask of 0 the words stay what they are; the compiler does not know it. */
void change_words(uint64_t *words_of, uint64_t mask, int64_t words, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (words > SERIAL_WORDS)
    for (int64_t i = 0; i < words; i++) {
        words_of[i] ^= mask;
    }
}
