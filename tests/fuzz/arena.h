/* Memory for the fuzzer: regions of an exact size with a page that cannot be touched right before or right behind, and
 * a snapshot to compare them with. */
#ifndef ARENA_H
#define ARENA_H

#include <stddef.h>
#include <stdint.h>

enum { SLAB_BYTES = 1 << 21, CANARY_BYTES = 256, CANARY = 0xc5 };

typedef struct region {
    uint8_t *start;    /* size bytes, which are somewhere in a slab between two pages without access */
    uint8_t *snapshot; /* what they held when region_remember() was called */
    uint8_t *slab;
    size_t size;
} region;

/* A region of `size` bytes, at most SLAB_BYTES, which touches the guard page before it or the one behind it; beside its
 * other end lie bytes that must keep their value (under the address sanitizer: that are poisoned). Its contents are
 * anything. It lasts until arena_clear(). */
region *arena_take(size_t size, int at_end);
void arena_clear(void);

/* The region that holds the bytes from `low` to `high`, or NULL. */
region *arena_find(uintptr_t low, uintptr_t high);

/* All regions: take snapshots; whether the contents, or the bytes beside them, differ from them. */
void arena_remember(void);
region *arena_changed(void);
int arena_spilled(void);

#endif
